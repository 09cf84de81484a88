"""Several implementations of one step, alive at once, measured in turns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.harness import ours
from benchmarks.harness.case import Case
from benchmarks.harness.counted import count_ours
from benchmarks.harness.counts import Counts, count
from benchmarks.harness.held import Step
from benchmarks.harness.memory import peak_above_idle
from benchmarks.harness.peers import PEERS
from benchmarks.harness.timing import Stopwatch, Times, interleave

logger = logging.getLogger(__name__)

OURS = "ours"


@dataclass
class Contest:
    """One order of one case: who took part, and what was measured.

    Attributes
    ----------
    counts
        Ours in the form it has on a GPU, whatever it was timed on.
    dispatched
        Operations that our step asked of PyTorch as it was timed.
    absent
        Peer -> why it did not take part.
    """

    case: Case
    order: int
    times: Times = field(default_factory=Times)
    counts: dict[str, Counts] = field(default_factory=dict)
    dispatched: int | None = None
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
        The supernet behind our own step.
    quantities
        Of ``time``, ``counts`` and ``memory``, those to measure.
    """

    seconds: Stopwatch
    peers: tuple[str, ...] = tuple(PEERS)
    checkout: Path | None = None
    implementation: str = "fused"
    repeats: int = 5
    warm_up: int = 1
    quantities: frozenset[str] = frozenset({"time", "counts", "memory"})


def compete(case: Case, order: int, plan: Plan) -> Contest:
    """Build our step and every peer's that can be had, measure them side by side."""
    contest = Contest(case, order)
    holds = {OURS: partial(ours.hold, case, order, supernet=plan.implementation)}
    for name in plan.peers:
        peer = PEERS[name]
        reason = peer.missing(case, plan.checkout)
        if order not in peer.orders:
            reason = f"has no order {order}."
        if reason is None:
            holds[name] = partial(peer.hold, case, order, plan.checkout)
        else:
            contest.absent[name] = reason
    _gather(list(holds.items()), {}, contest, plan)
    return contest


Hold = Callable[[Callable[[Step], None]], None]


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
    if "time" in plan.quantities:
        contest.times.rounds = interleave(steps, plan.repeats, plan.seconds, plan.warm_up)
    if "counts" in plan.quantities:
        contest.counts = {name: count(step) for name, step in steps.items()}
        contest.dispatched = contest.counts[OURS].operations
        if contest.case.kind == "cpu":
            contest.counts[OURS] = count_ours(contest.case, contest.order, plan.implementation)
    if "memory" in plan.quantities:
        # The last: it slows allocation down.
        contest.peaks = {name: peak_above_idle(step, contest.case.device) for name, step in steps.items()}
