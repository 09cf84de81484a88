"""One retraining step, ours against others: ``python -m benchmarks.retrain [--help]``.

The discrete network of DARTS_V2 with auxiliary head and drop path: forward, both losses, backward, clipping
at 5, SGD. The plain network computes the same operation by operation, as cnn/model.py of quark0/darts does;
that file itself takes part with --peer-darts. All live in one process and step in turns on the same batches.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness import machine
from benchmarks.harness.case import Case
from benchmarks.harness.counts import count
from benchmarks.harness.memory import peak_above_idle
from benchmarks.harness.peers.original import as_written, folder_of
from benchmarks.harness.quiet import quiet
from benchmarks.harness.results import write_section
from benchmarks.harness.timing import Times, interleave, stopwatch
from benchmarks.original_model import missing, original_network
from benchmarks.plain_discrete import PlainNetwork
from nni_darts.genotype import PUBLISHED
from nni_darts.training.classifier import Classifier
from search_spaces import DiscreteNetwork

GENOTYPE = PUBLISHED["DARTS_V2"]
OURS = "ours"
TITLES = {
    OURS: "**ours**",
    "plain": "plain modules, NCHW",
    "plain_channels_last": "plain modules, channels last",
    "original": "quark0/darts cnn/model.py",
}
Step = Callable[[], None]


def ours(case: Case, prob: float) -> Step:
    """As the retraining stage trains: the Classifier's loss and its own optimiser."""
    module = Classifier(epochs=600, auxiliary_weight=0.4)
    network = _network(DiscreteNetwork, case, prob).to(memory_format=torch.channels_last)
    module.set_model(network)
    (optimizer,), _ = module.configure_optimizers()
    numbers = cycle([1])  # no look at the loss
    return _stepping(case, network, optimizer, lambda batch: module.training_step(batch, next(numbers)))


def plain(case: Case, prob: float, layout: torch.memory_format = torch.contiguous_format) -> Step:
    """One operation after the other."""
    network = _network(PlainNetwork, case, prob).to(memory_format=layout)
    return _stepping(case, network, _sgd(network), lambda batch: _loss(network(batch[0]), batch[1]))


def original(case: Case, prob: float, checkout: Path) -> Step:
    """The authors' network in the loop of their train.py."""
    torch.manual_seed(case.seed)
    with as_written(case):
        network = original_network(folder_of(checkout), case.channels, case.layers).to(case.device)
    network.drop_path_prob = prob
    step = _stepping(case, network.train(), _sgd(network), lambda batch: _loss(network(batch[0]), batch[1]))

    def written() -> None:
        with as_written(case):
            step()

    return written


def _network(kind: type[DiscreteNetwork], case: Case, prob: float) -> Any:
    torch.manual_seed(case.seed)
    network = kind(GENOTYPE, case.channels, case.layers, auxiliary=True).to(case.device, case.tensor_dtype)
    network.drop_path_prob = prob
    return network.train()


def _sgd(network: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)


def _loss(logits: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    main, auxiliary = (functional.cross_entropy(part, labels) for part in logits)
    return main + 0.4 * auxiliary


def _stepping(
    case: Case, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[Any], Tensor]
) -> Step:
    batches = cycle([pair["train"] for pair in case.batches()])
    weights = list(network.parameters())

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(case.device.partition(":")[0], torch.bfloat16, case.dtype == "bfloat16"):
            found = loss(next(batches))
        found.backward()
        nn.utils.clip_grad_norm_(weights, 5.0)
        optimizer.step()

    return step


@dataclass(frozen=True)
class Row:
    """One contender; ratios are its time over ours, round by round."""

    peer: str
    seconds: float
    ratio: float
    ratio_min: float
    ratio_max: float
    kernels: int
    operations: int
    bytes: int
    peak_bytes: int | None

    def cells(self) -> str:
        peak = "-" if self.peak_bytes is None else f"{self.peak_bytes / 1e6:,.0f}"
        return (
            f"| {TITLES[self.peer]} | {self.ratio:.2f} | {self.ratio_min:.2f} to {self.ratio_max:.2f} | "
            f"{self.seconds:.3g} | {self.kernels:,} | {self.operations:,} | {self.bytes / 1e9:.3g} | {peak} |"
        )


HEAD = """| step | time / ours | range | s | kernels (model) | ATen ops | GB moved | peak above idle, MB |
|---|---|---|---|---|---|---|---|"""


def compete(case: Case, prob: float, repeats: int, checkout: Path | None) -> list[Row]:
    """Ours first, then every other network that can be had."""
    steps = {
        OURS: ours(case, prob),
        "plain": plain(case, prob),
        "plain_channels_last": plain(case, prob, torch.channels_last),
    }
    if checkout is not None:
        steps["original"] = original(case, prob, checkout)
    seconds, _ = stopwatch(case.device, torch.get_num_threads())
    times = Times(rounds=interleave(steps, repeats, seconds))
    counts = {name: count(step) for name, step in steps.items()}
    peaks = {name: peak_above_idle(step, case.device) for name, step in steps.items()}
    rows = []
    for name, found in counts.items():
        ratio = times.ratio(name, OURS)
        rows.append(
            Row(
                name,
                statistics.median(times.rounds[name]),
                *(ratio.median, ratio.smallest, ratio.largest),
                *(found.kernels, found.operations, found.bytes, peaks[name]),
            )
        )
    return rows


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--channels", default=36, show_default=True)
@click.option("--layers", default=20, show_default=True, help="Cells.")
@click.option("--batch", default=8, show_default=True, help="Images a step; the paper: 96.")
@click.option("--drop-path-prob", "prob", default=0.1, show_default=True)
@click.option("--repeats", default=5, show_default=True, help="Rounds.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N]")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float64"]), default="float32")
@click.option("--threads", default=1, show_default=True, help="Of PyTorch on the CPU.")
@click.option(
    "--peer-darts",
    type=click.Path(exists=True, path_type=Path),
    help="Your checkout of quark0/darts, or its cnn folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
@click.option("--write", is_flag=True, help="Write the table into benchmarks/RESULTS.md.")
def main(
    channels: int,
    layers: int,
    batch: int,
    prob: float,
    repeats: int,
    device: str,
    dtype: str,
    threads: int,
    peer_darts: Path | None,
    as_json: bool,
    write: bool,
) -> None:
    torch.set_num_threads(threads)
    case = Case(channels=channels, layers=layers, batch=batch, device=device, dtype=dtype)
    reason = missing(peer_darts)
    with quiet():
        rows = compete(case, prob, repeats, None if reason else peer_darts)
    hardware = machine.hardware(device, threads)
    clock = stopwatch(device, threads)[1]
    about = f"{hardware}; {machine.versions()}. {clock.capitalize()}; medians over {repeats} rounds."
    lines = [about, "", HEAD, *(row.cells() for row in rows)]
    if reason:
        lines += ["", f"The original did not take part: {reason}"]
    text = "\n".join(lines)
    print(text)
    if write:
        sizes = f"C={channels}, {layers} cells, batch {batch}, {dtype}"
        write_section(f"Retraining step, {sizes}, {hardware}", text)
    if as_json:
        found = [vars(row) for row in rows]
        absent = [{"peer": "original", "reason": reason}] if reason else []
        print(json.dumps({"rows": found[1:], "ours": found[:1], "absent": absent}))


if __name__ == "__main__":
    main()
