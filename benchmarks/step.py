"""One DARTS search step, ours against others: ``python -m benchmarks.step [--help]``.

All contenders live in one process and step in turns on the same random batches, so that a machine that is
busy now and then disturbs all of them alike. On the CPU with one thread, time is the process's own processor
seconds; on a GPU it is taken by events. A step is architecture step and weight step together, with the
official settings: SGD 0.025 / 0.9 / 3e-4 clipped at 5, Adam 3e-4 (0.5, 0.999) / 1e-3.
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

import click
import torch

from benchmarks.harness import floor, machine
from benchmarks.harness.case import DTYPES, Case
from benchmarks.harness.contest import Contest, Plan, compete
from benchmarks.harness.peers import PEERS
from benchmarks.harness.quiet import quiet
from benchmarks.harness.report import absences, as_json, table
from benchmarks.harness.results import write_section
from benchmarks.harness.timing import stopwatch
from nni_darts.strategy import SUPERNETS

QUANTITIES = ("time", "counts", "memory", "floor")


def listed(known: tuple[str, ...]):  # type: ignore[no-untyped-def]  # click's own signature
    """A callback: a comma-separated option as a tuple of known words."""

    def split(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in words:
            if word not in known:
                raise click.BadParameter(f'"{word}" is none of {", ".join(known)}.')
        return words

    return split


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--channels", default=16, show_default=True)
@click.option("--layers", default=8, show_default=True, help="Cells.")
@click.option("--nodes", default=4, show_default=True)
@click.option("--batch", default=8, show_default=True, help="Images a level.")
@click.option("--image-size", default=32, show_default=True)
@click.option("--order", "orders", default="1,2", show_default=True, callback=listed(("1", "2")))
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N]")
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of PyTorch on the CPU.")
@click.option("--peers", default=",".join(PEERS), show_default=True, callback=listed(tuple(PEERS)))
@click.option(
    "--peer-darts",
    type=click.Path(exists=True, path_type=Path),
    help="Your checkout of quark0/darts, or its cnn folder.",
)
@click.option("--implementation", type=click.Choice(SUPERNETS), default="fused", show_default=True)
@click.option("--repeats", default=5, show_default=True, help="Timed rounds.")
@click.option("--warm-up", default=1, show_default=True, help="Rounds after the first step, not timed.")
@click.option("--quantities", default=",".join(QUANTITIES), show_default=True, callback=listed(QUANTITIES))
@click.option("--json", "as_line", is_flag=True, help="End with one line of JSON.")
@click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md.")
def main(
    orders: tuple[str, ...],
    threads: int,
    peers: tuple[str, ...],
    peer_darts: Path | None,
    implementation: str,
    repeats: int,
    warm_up: int,
    quantities: tuple[str, ...],
    as_line: bool,
    write: bool,
    **sizes: int | str,
) -> None:
    torch.set_num_threads(threads)
    case = Case(**sizes)  # type: ignore[arg-type]
    seconds, unit = stopwatch(case.device, threads)
    plan = Plan(
        seconds, peers, peer_darts, implementation, repeats, warm_up, frozenset({"time", *quantities})
    )
    with quiet():
        rates = floor.measure(case.device, case.dtype, seconds) if "floor" in quantities else None
        contests = [compete(case, int(order), plan) for order in orders]
    heading = f"Step on {machine.hardware(case.device, threads)}: {case}"
    text = body(contests, rates, plan, unit)
    click.echo(f"{heading}\n\n{text}")
    if write:
        write_section(heading, text)
    if as_line:
        click.echo(json.dumps(as_json(contests, rates)))


def body(contests: list[Contest], rates: floor.Rates | None, plan: Plan, unit: str) -> str:
    """The table with everything needed to read it and to repeat it."""
    notes = [
        f"{datetime.date.today()}, {machine.versions()}.",
        f"`python -m benchmarks.step {' '.join(sys.argv[1:])}`",
        f"Time: {unit}, median of {plan.repeats} rounds in turns; the first step apart.",
    ]
    if any(contest.counts for contest in contests):
        notes.append(
            "Operations, kernels, GFLOP and GB of ours are those of the form it has on a GPU; on a CPU it "
            "computes parts outside PyTorch's dispatcher and asks for fewer operations (here)."
        )
    if rates is not None:
        notes.append(
            f"Floor: the larger of FLOP over {rates.matrix / 1e9:,.0f} GFLOP/s (matrix product) and "
            f"bytes over {rates.copy / 1e9:,.1f} GB/s (copy), both measured here."
        )
    absent = [f"- Not measured, {sentence}" for sentence in absences(contests)]
    return "\n".join([" ".join(notes), "", table(contests, rates, plan.implementation), "", *absent]).rstrip()


if __name__ == "__main__":
    main()
