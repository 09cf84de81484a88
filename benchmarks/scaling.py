"""Time and memory of one search step against each size: ``python -m benchmarks.scaling [--help]``.

One size is varied at a time, the others stay at the base case; the exponent p in quantity ~ size^p is fitted
to the logarithms by least squares, and the range is that of the exponents between one size and the next.
With --peer, another implementation steps in turns with ours at every size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.axis import AXES, Axis
from benchmarks.harness.case import Case
from benchmarks.harness.contest import OURS, Contest, Plan, compete
from benchmarks.harness.exponent import Exponent
from benchmarks.harness.machine import hardware, provenance
from benchmarks.harness.options import listed, machine, sizes
from benchmarks.harness.peers import PEERS
from benchmarks.harness.quiet import quiet
from benchmarks.harness.report import absences
from benchmarks.harness.results import write_section
from benchmarks.harness.table import markdown, number
from benchmarks.harness.timing import stopwatch
from nni_darts.stages.numerics import numerics

COLUMNS = ("size", "step", "values", "time / ours", "s", "time exponent", "peak, MB", "memory exponent")


@click.command(help=__doc__.split("\n\n", 1)[1])
@sizes(channels=8, layers=5, nodes=4, batch=8, image_size=16)
@click.option("--order", type=click.Choice(["1", "2"]), default="1", show_default=True)
@click.option("--axes", default=",".join(AXES), show_default=True, callback=listed(*AXES))
@click.option("--values", help="For a single axis: its values in place of the usual ones, as 4,8,16.")
@click.option("--peer", default="", callback=listed(*PEERS), help="To compare with.")
@click.option("--repeats", default=3, show_default=True, help="Timed steps a size.")
@machine
def main(
    order: str,
    axes: tuple[str, ...],
    values: str | None,
    peer: tuple[str, ...],
    repeats: int,
    threads: int,
    tf32: bool,
    implementation: str,
    peer_darts: Path | None,
    as_line: bool,
    write: bool,
    **sizes: int | str,
) -> None:
    base = Case(**sizes)  # type: ignore[arg-type]
    seconds, unit = stopwatch(base.device, threads)
    plan = Plan(
        seconds, peer, peer_darts, implementation, repeats, warm_up=1, quantities=frozenset({"memory"})
    )
    chosen = _axes(axes, values)
    with quiet(), numerics(tf32, cudnn_benchmark=True, threads=threads):
        found = [(axis, [compete(case, int(order), plan) for case in axis.cases(base)]) for axis in chosen]
    rows = [row for axis, contests in found for row in rows_of(axis, contests)]
    heading = f"Scaling of order {order} on {hardware(base.device, threads)}: {base}"
    missing = sorted({line for _, contests in found for line in absences(contests)})
    notes = f"{provenance()} Time: {unit}, median of {repeats}; ratios of the same round."
    text = "\n".join([notes, "", markdown(COLUMNS, map(cells, rows)), "", *missing]).rstrip()
    click.echo(f"{heading}\n\n{text}")
    if write:
        write_section(heading, text)
    if as_line:
        click.echo(json.dumps({"rows": rows}))


def _axes(names: Sequence[str], values: str | None) -> list[Axis]:
    if values is None:
        return [AXES[name] for name in names]
    try:
        numbers = tuple(sorted(int(value) for value in values.split(",")))
    except ValueError:
        numbers = ()
    if len(names) != 1 or len(numbers) < 2:
        raise click.UsageError("--values needs one axis in --axes and at least two numbers, as 4,8,16.")
    return [Axis(names[0], numbers)]


def rows_of(axis: Axis, contests: Sequence[Contest]) -> Iterator[dict[str, Any]]:
    """One dictionary for each contender that ran at two sizes at least."""
    for name in (OURS, *dict.fromkeys(peer for contest in contests for peer in contest.peers)):
        points = [
            (value, contest)
            for value, contest in zip(axis.values, contests, strict=True)
            if name in contest.times.rounds
        ]
        if len(points) < 2:
            continue
        sizes = [value for value, _ in points]
        seconds = [contest.times.median(name) for _, contest in points]
        peaks = [contest.peaks[name] for _, contest in points]
        memory = Exponent.fit(sizes, peaks) if all(peaks) else None  # type: ignore[arg-type]
        yield {
            "axis": axis.name,
            "step": name,
            "values": sizes,
            "ratios": [contest.times.ratio(name, OURS).median for _, contest in points],
            "seconds": seconds,
            "peak_bytes": peaks,
            "time": vars(Exponent.fit(sizes, seconds)),
            "memory": memory and vars(memory),
        }


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """The row under :data:`COLUMNS`."""
    return (
        row["axis"],
        row["step"],
        ", ".join(map(str, row["values"])),
        ", ".join(f"{ratio:.2f}" for ratio in row["ratios"]),
        ", ".join(f"{value:.3g}" for value in row["seconds"]),
        str(Exponent(**row["time"])),
        ", ".join(number(value, "{:,.0f}", 1e-6) for value in row["peak_bytes"]),
        str(Exponent(**row["memory"])) if row["memory"] else "-",
    )


if __name__ == "__main__":
    main()
