"""Counts of our own step as it is on a GPU, on any machine.

On a CPU the fused supernet computes parts of a step in C of its own, which PyTorch's dispatcher does not see,
and takes detours that pay there. A step on shapes alone shows what a GPU would be asked for. On a GPU, a step
that is captured is seen by nobody; the same step is counted before it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness import ours, shapes
from benchmarks.harness.case import Case
from benchmarks.harness.counts import Counts, count
from benchmarks.harness.held import Step
from benchmarks.harness.memory import peak_above_idle
from benchmarks.harness.quiet import quiet


@dataclass
class Uncaptured:
    """What a step that PyTorch launches call by call shows."""

    counts: Counts
    peak: int | None


def count_shapes(case: Case, order: int, implementation: str) -> Counts:
    """Of one step after the first; this process must do nothing else meanwhile."""
    with shapes.shapes_only():
        return _look(case.but(device=shapes.DEVICE), order, implementation, memory=False).counts


def count_on_gpu(case: Case, order: int, implementation: str) -> Uncaptured:
    """Of one step after the first, with its peak memory."""
    return _look(case, order, "eager" if implementation == "fused" else implementation, memory=True)


def _look(case: Case, order: int, implementation: str, memory: bool) -> Uncaptured:
    found: list[Uncaptured] = []

    def look(step: Step) -> None:
        step()
        counts = count(step)
        found.append(Uncaptured(counts, peak_above_idle(step, case.device) if memory else None))

    with quiet():
        ours.hold(case, order, look, implementation)
    return found[0]
