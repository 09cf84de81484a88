"""Counts of our own step as it is on a GPU, on any machine.

On a CPU the fused supernet computes parts of a step in C of its own, which PyTorch's dispatcher does not see,
and takes detours that pay there. A step on shapes alone shows what a GPU would be asked for.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.harness import ours, shapes
from benchmarks.harness.case import Case
from benchmarks.harness.counts import Counts, count
from benchmarks.harness.held import Step
from benchmarks.harness.quiet import quiet


def count_ours(case: Case, order: int, supernet: str) -> Counts:
    """Of one step after the first, on shapes, in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(count_shapes, case.but(device=shapes.DEVICE), order, supernet).result()


def count_shapes(case: Case, order: int, supernet: str) -> Counts:
    """The same in this process, which must do nothing else meanwhile; ``case`` is on the meta device."""
    found: list[Counts] = []

    def look(step: Step) -> None:
        step()
        found.append(count(step))

    with quiet(), shapes.shapes_only():
        ours.hold(case, order, look, supernet)
    return found[0]
