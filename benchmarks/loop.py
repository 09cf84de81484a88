"""Overhead of the whole training loop: ``python -m benchmarks.loop [--json] [--write]``.

The search and the retraining stage run as ``nni-darts search`` and ``retrain`` run them: batches drawn and
augmented, Lightning, metrics, signal handling, and after every epoch validation, a checkpoint, tables,
TensorBoard and the report to NNI. Between two epochs the same number of bare steps is taken on ready
batches: forwards, backwards, clipping, optimisers, and the forwards of the validation. Overhead is what an
epoch takes longer than that. Both are timed in turns in one process. The images are noise.

The epochs here are short, so what happens once an epoch is told apart from what every step costs; the last
column puts both together for an epoch of CIFAR-10.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.data import now
from benchmarks.harness.machine import hardware, versions
from benchmarks.harness.quiet import quiet
from benchmarks.harness.results import write_section
from nni_darts.config import Settings
from nni_darts.data import DataInfo
from nni_darts.genotype import PUBLISHED, Architecture
from nni_darts.pipeline.trial import NniReporter
from nni_darts.run import Run
from nni_darts.stages import run_retrain, run_search
from nni_darts.stages.search import strategy_of
from nni_darts.stages.space import build_network, build_space
from nni_darts.training.classifier import Classifier
from nni_darts.training.trainer import make_trainer

INFO = DataInfo("noise", 10, 3, (32, 32), (0.5,) * 3, (0.3,) * 3, tuple("abcdefghij"))
ARCHITECTURE = Architecture.from_genotype(PUBLISHED["DARTS_V2"])
IMAGES = 1200
Step = Callable[[], None]


def noise() -> tuple[list[tuple[Tensor, int]], list[tuple[Tensor, int]]]:
    """The data set of both stages: (training images, test images)."""
    pixels = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    images = [(image, number % 10) for number, image in enumerate(pixels)]
    return images, images[:10]


@dataclass(frozen=True)
class Loop:
    """One stage in its sizes; ``steps`` an epoch, of training and, in a search, of validation.

    Attributes
    ----------
    trainer_of
        Module that makes the trainer.
    full
        Steps of an epoch of CIFAR-10.
    """

    stage: str
    steps: int
    settings: Mapping[str, Any]
    trainer_of: str
    full: int

    def resolved(self, device: str, epochs: int) -> Settings:
        """Settings of the stage."""
        return Settings.from_dict(
            {
                "stages": [self.stage],
                "genotype": None if self.stage == "search" else "DARTS_V2",
                "data": {"name": "benchmarks.loop:noise"},
                "trainer": {"device": device, "limit_batches": self.steps, "threads": 1},
                **{key: dict(value) for key, value in self.settings.items() if key != self.stage},
                self.stage: {**self.settings[self.stage], "epochs": epochs},
            }
        )


SIZES = {"init_channels": 16, "layers": 8}
LOOPS = {
    "search, first order, C=16, 8 cells, batch 8": Loop(
        "search",
        12,
        {
            "search": {"batch_size": 8, "supernet": "fused"},
            "space": {"args": SIZES},
            "method": {"name": "darts", "order": 1},
        },
        "nni_darts.stages.search",
        3125,
    ),
    "retraining, C=16, 8 cells, batch 96": Loop(
        "retrain",
        5,
        {"retrain": {"batch_size": 96, "seeds": [0], "network": SIZES}},
        "nni_darts.training.retrain",
        521,
    ),
}


@dataclass
class Turns:
    """The reporter of a stage; when an epoch is reported it takes the bare steps.

    Attributes
    ----------
    bare
        As many bare steps as an epoch has.
    whole, within, alone
        Seconds of every epoch of the loop but the first, of its steps alone, and of the bare steps after it.
    """

    bare: Step
    clock: Callable[[], float]
    inner: NniReporter = field(default_factory=NniReporter)
    whole: list[float] = field(default_factory=list)
    within: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    _since: float | None = None

    def epoch(self, row: Mapping[str, float]) -> None:
        """Report, then end this epoch's time and begin the next one's."""
        self.inner.epoch(row)
        end = self.clock()
        if self._since is not None:
            self.whole.append(end - self._since)
        self.bare()
        if self._since is not None:
            self.alone.append(self.clock() - end)
        self._since = self.clock()

    def final(self, result: Mapping[str, Any]) -> None:
        """The stage is over."""


class Within(Callback):
    """Times the steps of an epoch: training batches and, where there are any, validation batches."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self._start = self._seconds = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = self.turns.clock()

    def on_train_batch_end(self, trainer: pl.Trainer, *_args: Any) -> None:
        if trainer.is_last_batch:
            self._seconds = self.turns.clock() - self._start

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._seconds = self.turns.clock() - self._start

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch > 0:
            self.turns.within.append(self._seconds)


class Silent(Classifier):
    """The loss and nothing else."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        output = self.model(x)
        logits, auxiliary = output if isinstance(output, tuple) else (output, None)
        loss = functional.cross_entropy(logits, y)
        if auxiliary is not None:
            loss = loss + self.auxiliary_weight * functional.cross_entropy(auxiliary, y)
        return loss


def bare_search(settings: Settings, steps: int, device: str) -> Step:
    """One epoch of a search: architecture steps and weight steps, then the forwards of the validation."""
    strategy = strategy_of(settings)
    supernet = strategy.mutate_model(build_space(settings, INFO))
    supernet.to(device, memory_format=torch.channels_last)
    search: Any = strategy.configure_oneshot_module(Silent.from_settings(settings.search))
    search.set_model(supernet)
    search.to(device)
    descend, optimizer = _descent(supernet, settings.search)
    outer = strategy.recipe.outer_optimiser(search.state.outer_parameters)
    search.architecture_optimizers = lambda: outer
    search.state.apply, search.state.optimizer = descend, lambda: optimizer
    train, valid = (_batch(settings.search.batch_size, device) for _ in range(2))

    def epoch() -> None:
        supernet.train()
        for _ in range(steps):
            search.step_on({"train": train, "val": valid})
        supernet.eval()
        with torch.no_grad():
            for _ in range(steps):
                functional.cross_entropy(supernet(valid[0]), valid[1])

    return epoch


def bare_retrain(settings: Settings, steps: int, device: str) -> Step:
    """One epoch of a retraining."""
    network = build_network(settings, dict(settings.retrain.network), ARCHITECTURE, INFO)
    network.to(device, memory_format=torch.channels_last)
    network.drop_path_prob = settings.retrain.drop_path_prob / 2
    module = Silent.from_settings(settings.retrain)
    module.set_model(network)
    descend, _ = _descent(network, settings.retrain)
    batch = _batch(settings.retrain.batch_size, device)

    def epoch() -> None:
        for number in range(steps):
            descend(module.training_step(batch, number))

    return epoch


def _descent(network: nn.Module, section: Any) -> tuple[Callable[[Tensor], None], torch.optim.Optimizer]:
    optimizer = torch.optim.SGD(
        network.parameters(),
        section.lr,
        momentum=section.momentum,
        weight_decay=section.weight_decay,
        nesterov=section.nesterov,
    )

    def descend(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), section.grad_clip)
        optimizer.step()

    return descend, optimizer


def _batch(size: int, device: str) -> tuple[Tensor, Tensor]:
    return torch.randn(size, 3, 32, 32).to(device), torch.randint(10, (size,)).to(device)


def measure(loop: Loop, device: str, epochs: int) -> Turns:
    """Run a stage for ``epochs`` epochs that count."""
    # The first epoch sets up; of the last one, what follows its report is not seen.
    settings = loop.resolved(device, epochs + 1)
    bare = (bare_search if loop.stage == "search" else bare_retrain)(settings, loop.steps, device)
    turns = Turns(bare, partial(now, device))

    def watched(
        run: Run, epochs: int, device: str, callbacks: Sequence[Callback], *others: Any, **options: Any
    ) -> Any:
        return make_trainer(run, epochs, device, [*callbacks, Within(turns)], *others, **options)

    with tempfile.TemporaryDirectory() as folder, patch(f"{loop.trainer_of}.make_trainer", watched):
        run = Run.create(Path(folder) / "run", f"{loop.stage}/0", resume=False, force=False)
        if loop.stage == "search":
            run_search(settings, 0, run, turns)
        else:
            run_retrain(settings, 0, ARCHITECTURE, run, turns)
    return turns


def row_of(name: str, loop: Loop, turns: Turns) -> dict[str, Any]:
    """What was measured, by name."""
    pairs = list(zip(turns.whole, turns.within, turns.alone, strict=True))
    shares = [100 * (within / alone - 1) for _, within, alone in pairs]
    bare = statistics.median(turns.alone) / loop.steps
    once = statistics.median(whole - within for whole, within, _ in pairs)
    of_steps = statistics.median(shares)
    return {
        "loop": name,
        "overhead_percent": of_steps + 100 * once / (bare * loop.full),
        "steps_percent": of_steps,
        "steps_percent_min": min(shares),
        "steps_percent_max": max(shares),
        "once_an_epoch_ms": 1000 * once,
        "bare_step_ms": 1000 * bare,
        "steps_an_epoch": loop.steps,
        "steps_of_a_full_epoch": loop.full,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """In Markdown."""
    lines = [
        "| loop | bare step | overhead of the steps | range | once an epoch | in all, for a full epoch |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['loop']} | {row['bare_step_ms']:.0f} ms | {row['steps_percent']:.1f} % | "
            f"{row['steps_percent_min']:.1f} to {row['steps_percent_max']:.1f} % | "
            f"{row['once_an_epoch_ms']:.0f} ms | **{row['overhead_percent']:.1f} %** "
            f"of {row['steps_of_a_full_epoch']:,} steps |"
        )
    return "\n".join(lines)


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--epochs", default=6, show_default=True, help="Epochs that count, one bare turn after each.")
@click.option("--steps", type=int, help="Steps an epoch.  [default: 12 of the search, 5 of the retraining]")
@click.option("--only", default="", help="Loops whose name begins so.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
@click.option("--write", is_flag=True, help="Write the table into benchmarks/RESULTS.md.")
def main(epochs: int, steps: int | None, only: str, device: str, as_json: bool, write: bool) -> None:
    if device == "cpu":
        torch.set_num_threads(1)
    loops = {
        name: replace(loop, steps=steps or loop.steps)
        for name, loop in LOOPS.items()
        if name.startswith(only)
    }
    with quiet():
        rows = [row_of(name, loop, measure(loop, device, epochs)) for name, loop in loops.items()]
    where = f"{hardware(device, 1)}; {versions()}"
    clock = "processor seconds of the process" if device == "cpu" else "wall seconds"
    text = f"{where}. {clock.capitalize()}; medians over {epochs} epochs.\n\n{table(rows)}"
    print(text)
    if write:
        write_section(f"Training loop, {hardware(device, 1)}", text)
    if as_json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
