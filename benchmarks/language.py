"""Language models of one size and one budget: ``python -m benchmarks.language --config FILE [--help]``.

A derived cell, random cells and an LSTM are trained and tested as the file's section ``retrain`` says, with
its loss, windows, dropouts and epochs; the LSTM has the width at which its number of weights is nearest to
the cell's. Every training has a folder in --out, goes on where it was interrupted, and is not done twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import torch

from benchmarks.harness.machine import hardware, provenance
from benchmarks.harness.results import write_section
from benchmarks.harness.table import markdown
from benchmarks.words.training import (
    Build,
    Row,
    lstm_as_large_as,
    of_architecture,
    of_random_cell,
    trained,
)
from nni_darts.config import Settings, read_experiment
from nni_darts.errors import ConfigError
from nni_darts.genotype import resolve
from nni_darts.run.files import write_json

RESULT = "result.json"


def _done(name: str, build: Build, settings: Settings, seed: int, out: Path) -> Row:
    folder = out / f"{name.replace(' ', '-')}-{seed}"
    if (folder / RESULT).exists():
        return Row(**json.loads((folder / RESULT).read_text(encoding="utf-8")))
    row = trained(name, build, settings, seed, folder)
    write_json(folder / RESULT, asdict(row))
    return row


def table(rows: list[Row]) -> str:
    """Markdown."""
    names = ("cell", "seed", "weights", "validation perplexity", "test perplexity")
    return markdown((*names, "tokens/s (clock)", "minutes (clock)"), map(_cells, rows))


def _cells(row: Row) -> list[str]:
    counts = [row.name, str(row.seed), f"{row.weights:,}"]
    return [*counts, f"{row.valid:.1f}", f"{row.test:.1f}", f"{row.tokens:,.0f}", f"{row.minutes:.1f}"]


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--config", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--genotype", required=True, help="The derived cell: a run's folder, a file, a name, a text.")
@click.option("--random", "cells", default=1, show_default=True, help="Random cells, of the seeds 0, 1, ...")
@click.option("--lstm/--no-lstm", default=True, show_default=True)
@click.option("--seed", "seeds", multiple=True, type=int, help="Of trainings.  [default: the file's]")
@click.option(
    "--out",
    default="results/language",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the trainings.",
)
@click.option("--json", "as_line", is_flag=True, help="End with one line of JSON.")
@click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md.")
def main(
    config: Path,
    genotype: str,
    cells: int,
    lstm: bool,
    seeds: tuple[int, ...],
    out: Path,
    as_line: bool,
    write: bool,
) -> None:
    try:
        settings, derived = read_experiment(config).settings, resolve(genotype)
        if not settings.data.is_text:
            raise ConfigError(f"data.name: {settings.data.name} is no text; this compares language models.")
        builds: dict[str, Build] = {"derived cell": of_architecture(derived)}
        builds |= {f"random cell {cell}": of_random_cell(cell) for cell in range(cells)}
        builds |= {"LSTM": lstm_as_large_as(derived)} if lstm else {}
        rows = [
            _done(name, build, settings, seed, out)
            for seed in seeds or settings.retrain.seeds
            for name, build in builds.items()
        ]
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    clock = (
        "Time: seconds on the clock of every epoch with its validation, as the trainings recorded them; what "
        "else the machine did meanwhile is in them."
    )
    body = f"{provenance()} {clock}\n\n{table(rows)}"
    click.echo(body)
    if write:
        threads = settings.trainer.threads or torch.get_num_threads()
        write_section(f"Language models of {config.name} on {hardware('cpu', threads)}", body)
    if as_line:
        click.echo(json.dumps({"rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
