"""Several implementations of one step, alive at once, measured in turns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.harness import ours
from benchmarks.harness.aside import aside
from benchmarks.harness.case import Case
from benchmarks.harness.counted import count_on_gpu, count_shapes
from benchmarks.harness.counts import Counts, count
from benchmarks.harness.held import Step
from benchmarks.harness.launches import Launches, launches
from benchmarks.harness.memory import peak_above_idle
from benchmarks.harness.peers import PEERS, USUAL
from benchmarks.harness.quiet import quiet
from benchmarks.harness.timing import Stopwatch, Times, interleave

logger = logging.getLogger(__name__)

OURS = "ours"

QUANTITIES = ("counts", "memory", "floor")
"""What can be measured beside the time."""

Hold = Callable[[Callable[[Step], None]], None]


@dataclass
class Contest:
    """One order of one case: who took part, and what was measured.

    Attributes
    ----------
    counts
        Ours in the form it has on a GPU, whatever it was timed on, and before it is captured.
    dispatched
        Operations that our step asked of PyTorch as it was timed.
    launches
        On a GPU, as the profiler saw them.
    absent
        Peer -> why it did not take part.
    """

    case: Case
    order: int
    times: Times = field(default_factory=Times)
    counts: dict[str, Counts] = field(default_factory=dict)
    dispatched: int | None = None
    launches: dict[str, Launches] = field(default_factory=dict)
    peaks: dict[str, int | None] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def peers(self) -> list[str]:
        """Those that took part."""
        return [name for name in self.times.rounds if name != OURS]


@dataclass(frozen=True)
class Plan:
    """How a contest is held.

    Attributes
    ----------
    implementation
        Of our own step, one of ``ours.IMPLEMENTATIONS``.
    quantities
        Of :data:`QUANTITIES`, those to measure.
    """

    seconds: Stopwatch
    peers: tuple[str, ...] = USUAL
    checkout: Path | None = None
    implementation: str = "fused"
    repeats: int = 5
    warm_up: int = 1
    quantities: frozenset[str] = frozenset(QUANTITIES)


def compete(case: Case, order: int, plan: Plan) -> Contest:
    """Build our step and every peer's that can be had, measure them side by side."""
    contest = Contest(case, order)
    names = [OURS]
    for name in plan.peers:
        reason = PEERS[name].missing(case, plan.checkout)
        if order not in PEERS[name].orders:
            reason = f"has no order {order}."
        if reason is None:
            names.append(name)
        else:
            contest.absent[name] = reason
    _gather([(name, hold_of(name, case, order, plan)) for name in names], {}, contest, plan)
    return contest


def hold_of(name: str, case: Case, order: int, plan: Plan) -> Hold:
    """What builds a contender's step and hands it on."""
    if name == OURS:
        return partial(ours.hold, case, order, implementation=plan.implementation)
    return partial(PEERS[name].hold, case, order, plan.checkout)


def _gather(waiting: list[tuple[str, Hold]], steps: dict[str, Step], contest: Contest, plan: Plan) -> None:
    """Start the next contender and, inside it, the others; measure once all have made their first step."""
    if not waiting:
        _measure(steps, contest, plan)
        return
    (name, hold), *others = waiting
    started = False

    def go_on(step: Step) -> None:
        nonlocal started
        contest.times.first[name] = plan.seconds(step)
        started = True
        _gather(others, {**steps, name: step}, contest, plan)

    try:
        hold(go_on)
    except Exception as error:
        if started or name == OURS:
            raise
        # An installed peer that cannot run here is reported like one that is not installed.
        logger.debug("%s does not run", name, exc_info=True)
        contest.absent[name] = f"does not run here: {type(error).__name__}: {error}"
        _gather(others, steps, contest, plan)


def _measure(steps: dict[str, Step], contest: Contest, plan: Plan) -> None:
    contest.times.rounds = interleave(steps, plan.repeats, plan.seconds, plan.warm_up)
    if "counts" in plan.quantities:
        contest.counts = {name: count(step) for name, step in steps.items()}
        contest.dispatched = contest.counts[OURS].operations
    if contest.case.kind == "cuda":
        _measure_on_gpu(steps, contest, plan)
    else:
        _measure_aside(steps, contest, plan)


def _measure_on_gpu(steps: dict[str, Step], contest: Contest, plan: Plan) -> None:
    case, order = contest.case, contest.order
    if plan.quantities <= {"floor"}:
        return
    own = count_on_gpu(case, order, plan.implementation)
    if "counts" in plan.quantities:
        contest.counts[OURS] = own.counts
        contest.launches = {name: launches(step) for name, step in steps.items()}
    if "memory" in plan.quantities:
        contest.peaks = {name: peak_above_idle(step, case.device) for name, step in steps.items()}
        contest.peaks[OURS] = own.peak


def _measure_aside(steps: dict[str, Step], contest: Contest, plan: Plan) -> None:
    """Setting the allocator up for its high-water mark would slow the next contest of this process."""
    case, order = contest.case, contest.order
    if "counts" in plan.quantities and case.dtype != "bfloat16":
        contest.counts[OURS] = aside(count_shapes, case, order, plan.implementation)
    if "memory" in plan.quantities:
        contest.peaks = {name: aside(peak_of, name, case, order, plan) for name in steps}


def peak_of(name: str, case: Case, order: int, plan: Plan) -> int | None:
    """Peak memory of a contender's step, here."""
    found: list[int | None] = []

    def look(step: Step) -> None:
        step()
        found.append(peak_above_idle(step, case.device))

    with quiet():
        hold_of(name, case, order, plan)(look)
    return found[0]
