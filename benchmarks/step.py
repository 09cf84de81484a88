"""One DARTS search step, ours against others: ``python -m benchmarks.step [--help]``.

All contenders live in one process and step in turns on the same random batches, so that a machine that is
busy now and then disturbs all of them alike. On the CPU with one thread, time is the process's own processor
seconds; on a GPU it is taken by events. A step is architecture step and weight step together, with the
official settings: SGD 0.025 / 0.9 / 3e-4 clipped at 5, Adam 3e-4 (0.5, 0.999) / 1e-3.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks.harness.case import Case
from benchmarks.harness.contest import QUANTITIES, Plan
from benchmarks.harness.options import listed, machine, sizes
from benchmarks.harness.peers import PEERS, USUAL
from benchmarks.harness.results import write_section
from benchmarks.harness.session import hold_session
from benchmarks.harness.timing import stopwatch


@click.command(help=__doc__.split("\n\n", 1)[1])
@sizes(channels=16, layers=8, nodes=4, batch=8, image_size=32)
@click.option("--order", "orders", default="1,2", show_default=True, callback=listed("1", "2"))
@click.option("--peers", default=",".join(USUAL), show_default=True, callback=listed(*PEERS))
@click.option("--repeats", default=5, show_default=True, help="Timed rounds.")
@click.option("--warm-up", type=int, help="Rounds that are not timed; 1, on a GPU 8.")
@click.option(
    "--quantities",
    default=",".join(QUANTITIES),
    show_default=True,
    callback=listed(*QUANTITIES),
    help='To measure beside the time; "" for none.',
)
@machine
def main(
    orders: tuple[str, ...],
    peers: tuple[str, ...],
    repeats: int,
    warm_up: int | None,
    quantities: tuple[str, ...],
    threads: int,
    tf32: bool,
    implementation: str,
    peer_darts: Path | None,
    as_line: bool,
    write: bool,
    **sizes: int | str,
) -> None:
    case = Case(**sizes)  # type: ignore[arg-type]
    seconds, unit = stopwatch(case.device, threads)
    if warm_up is None:
        warm_up = 8 if case.kind == "cuda" else 1
    plan = Plan(seconds, peers, peer_darts, implementation, repeats, warm_up, frozenset(quantities))
    session = hold_session(case, [int(order) for order in orders], plan, unit, threads=threads, tf32=tf32)
    click.echo(f"{session.heading}\n\n{session.text}")
    if write:
        write_section(session.heading, session.text)
    if as_line:
        click.echo(json.dumps(session.json))


if __name__ == "__main__":
    main()
