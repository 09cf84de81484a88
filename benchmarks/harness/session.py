"""Contests of one case in several orders, with the rates of the machine they ran on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import floor
from benchmarks.harness.case import Case
from benchmarks.harness.contest import Contest, Plan, compete
from benchmarks.harness.machine import hardware
from benchmarks.harness.quiet import quiet
from benchmarks.harness.report import as_json, body
from nni_darts.stages.numerics import numerics


@dataclass(frozen=True)
class Session:
    """What came of it, ready to be printed and kept."""

    heading: str
    text: str
    json: dict[str, Any]


def hold_session(
    case: Case, orders: Sequence[int], plan: Plan, unit: str, *, threads: int = 1, tf32: bool = False
) -> Session:
    """Measure, with cuDNN free to choose its algorithms in the first steps."""
    with quiet(), numerics(tf32, cudnn_benchmark=True, threads=threads):
        measured = "floor" in plan.quantities
        rates = floor.measure(case.device, case.dtype, plan.seconds) if measured else None
        contests: list[Contest] = [compete(case, order, plan) for order in orders]
        place = hardware(case.device, threads)
    heading = f"Step on {place}: {case}{', TF32' if tf32 else ''}"
    return Session(heading, body(contests, rates, plan, unit), as_json(contests, rates))
