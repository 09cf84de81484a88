"""What shared weights say of operations while random paths train them: ``python -m benchmarks.paths``.

A method that draws paths (GDAS, SNAS, weight sharing) learns of an operation only from how the paths
through it do with the weights of the moment. Here paths drawn uniformly train the weights of NAS-Bench-201 on
a part of CIFAR-10, no architecture moves, and after some epochs many paths are scored on the other half.
Where the weights themselves prefer pools to convolutions, a search that ends there and derives pools has
followed them: it was too short. Where they do not, its gradient would have to be looked at.

CIFAR-10 is found as everywhere (NNI_DARTS_DATA), the benchmark's table by NNI_DARTS_NASBENCH201.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch

from benchmarks.harness.machine import hardware, provenance
from benchmarks.harness.quiet import quiet
from benchmarks.harness.results import write_section
from benchmarks.harness.table import markdown
from benchmarks.recipes import images
from benchmarks.recipes.budget import Budget
from benchmarks.recipes.rows import agreement
from nni_darts.benchmarks import NasBench201
from nni_darts.config.section import Count
from nni_darts.errors import ConfigError
from nni_darts.genotype.nasbench201 import OPERATIONS, BenchmarkCell
from nni_darts.parts.measure import measure
from nni_darts.parts.paths import draw
from nni_darts.parts.stopping import Sample, Stop, Stopping
from nni_darts.run import NullReporter, Run
from nni_darts.stages import run_search
from nni_darts.state import SearchState

BATCHES = 4
"""Validation batches that score a path."""
AGREEMENT = "agreement"
USUAL = Budget(images=12800, epochs=64)


class Watch(Stopping):
    """Scores ``paths`` random paths after 1, 2, 4, ... epochs; stops nothing.

    As the steps of a search do, BatchNorms read the statistics of the batch.
    """

    def __init__(self, paths: Count) -> None:
        super().__init__()
        self.paths = paths
        self._table = NasBench201.read()

    def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
        done = state.epoch + 1
        if done & (done - 1) == 0:
            self.memory = summary(self._scored(state), self._table)
        return None

    def metrics(self) -> dict[str, float]:
        return dict(self.memory)

    def _scored(self, state: SearchState) -> dict[BenchmarkCell, float]:
        generator = np.random.Generator(np.random.PCG64(0))  # the same paths every time
        batches = list(islice(state.validation(), BATCHES))
        losses = {}
        for _ in range(self.paths):
            path = draw(state.structure, generator, none=True)
            gates = path.gates(state.clock.device)
            with state.restored_statistics(), state.weights.replaced(gates):
                losses[BenchmarkCell.of_sample(path.sample())] = measure(state, batches).loss
        return losses


def summary(losses: Mapping[BenchmarkCell, float], table: NasBench201) -> dict[str, float]:
    """Operation -> mean loss of the edges that hold it, of those paths, above that of all edges.

    ``agreement`` is Spearman's correlation of minus the losses with the true accuracies.
    """
    edges = pd.DataFrame(
        [(name, loss) for cell, loss in losses.items() for name in cell.operations], columns=["name", "loss"]
    )
    above = edges.groupby("name")["loss"].mean() - edges["loss"].mean()
    return {
        **{name: float(above.get(name, np.nan)) for name in OPERATIONS},
        AGREEMENT: -agreement(losses, table),
    }


def watched(budget: Budget, seed: int, paths: int) -> pd.DataFrame:
    """Row by row what :func:`summary` says, indexed by the number of steps."""
    images.chosen = images.Part(budget.images, budget.image_size, budget.data_seed)
    part = {"name": f"benchmarks.paths:{Watch.__name__}", "paths": paths}
    settings = budget.settings("random-ws", {"parts": {"stopping": part}})
    with tempfile.TemporaryDirectory() as folder, quiet():
        run = Run.create(Path(folder) / "run", "search/0")
        run_search(settings, seed, run, NullReporter())
        rows = pd.read_csv(run.path / "metrics.csv")
    done = rows["epoch"] + 1
    rows.index = pd.Index(done * (budget.steps // budget.epochs), name="steps")
    return rows.loc[(done & (done - 1) == 0).to_numpy(), [*OPERATIONS, AGREEMENT]]


def shown(rows: pd.DataFrame) -> str:
    """Markdown."""
    columns = ("steps", *(f"`{name}`" for name in OPERATIONS), "agreement with true accuracy")
    return markdown(columns, [_line(steps, row) for steps, row in rows.iterrows()])


def _line(steps: Any, row: Mapping[str, Any]) -> Sequence[str]:
    return [f"{steps:,}", *(f"{row[name]:+.3f}" for name in OPERATIONS), f"{row[AGREEMENT]:+.2f}"]


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--images", "count", default=USUAL.images, show_default=True, help="Both halves together.")
@click.option("--epochs", default=USUAL.epochs, show_default=True)
@click.option("--paths", default=400, show_default=True, help="That are scored.")
@click.option("--seed", default=0, show_default=True)
@click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md.")
def main(count: int, epochs: int, paths: int, seed: int, write: bool) -> None:
    torch.set_num_threads(1)
    budget = replace(USUAL, images=count, epochs=epochs)
    try:
        rows = watched(budget, seed, paths)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    body = (
        f"{provenance()} Mean validation loss of the edges with an operation above that of all edges, in "
        f"{paths} random paths; the lowest is what the weights prefer. Agreement: rank correlation of the "
        f"paths' losses with what the cells reach.\n\n{shown(rows)}"
    )
    click.echo(body)
    if write:
        space = f"C={budget.init_channels}, {budget.cells} cell a stage"
        data = f"{budget.images:,} images of {budget.image_size}x{budget.image_size}"
        write_section(f"Operations in random paths on {hardware('cpu', 1)}: {space}, {data}", body)


if __name__ == "__main__":
    main()
