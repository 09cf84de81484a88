"""Every step row of a GPU in one command of less than ten minutes: ``python -m benchmarks.gpu [--help]``.

The paper's configuration in float32, in TF32 and under bf16 autocast, both orders: our step captured and not
captured, against the authors', NNI's, betty's and our generic one; time, kernels and launches from the
profiler, floor, peak memory. Sections go into RESULTS.md one by one, so that what was measured before a limit
is kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import click
import torch

from benchmarks.harness.case import Case
from benchmarks.harness.contest import Plan
from benchmarks.harness.options import listed, sizes
from benchmarks.harness.results import write_section
from benchmarks.harness.session import hold_session
from benchmarks.harness.timing import stopwatch


@dataclass(frozen=True)
class Part:
    """Number format with the peers that are worth their time in it."""

    dtype: str
    tf32: bool
    peers: tuple[str, ...]


PARTS = {
    "float32": Part("float32", False, ("eager", "generic", "original", "nni", "betty", "naslib")),
    "tf32": Part("float32", True, ("eager", "original", "nni")),
    "bf16": Part("bfloat16", False, ("eager", "original", "nni")),
}


@click.command(help=__doc__.split("\n\n", 1)[1])
@sizes(channels=16, layers=8, nodes=4, batch=64, image_size=32)
@click.option("--parts", default=",".join(PARTS), show_default=True, callback=listed(*PARTS))
@click.option(
    "--device", default="cuda", show_default=True, help="cpu tries out the same code without a GPU."
)
@click.option("--repeats", default=20, show_default=True, help="Timed rounds.")
@click.option("--warm-up", default=8, show_default=True, help="Rounds before; steps are captured in them.")
@click.option("--minutes", default=9.0, show_default=True, help="No part begins after this time.")
@click.option(
    "--peer-darts",
    type=click.Path(exists=True, path_type=Path),
    help="Your checkout of quark0/darts, or its cnn folder.",
)
@click.option("--write/--no-write", default=True, show_default=True, help="Into benchmarks/RESULTS.md.")
def main(
    parts: tuple[str, ...],
    device: str,
    repeats: int,
    warm_up: int,
    minutes: float,
    peer_darts: Path | None,
    write: bool,
    **sizes: int,
) -> None:
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise click.UsageError("there is no GPU here; --device cpu tries out the same code.")
    begun = time.monotonic()
    for name in parts:
        if time.monotonic() - begun > 60 * minutes:
            click.echo(f"Left out for time: {name}")
            continue
        part = PARTS[name]
        case = Case(**sizes, device=device, dtype=part.dtype)  # type: ignore[arg-type]
        seconds, unit = stopwatch(device, threads=1)
        plan = Plan(seconds, part.peers, peer_darts, repeats=repeats, warm_up=warm_up)
        session = hold_session(case, (1, 2), plan, unit, tf32=part.tf32)
        click.echo(f"{session.heading}\n\n{session.text}\n")
        if write:
            write_section(session.heading, session.text)


if __name__ == "__main__":
    main()
