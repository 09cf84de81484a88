"""Our own generic supernet: the same search, one candidate after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import ours
from benchmarks.harness.case import Case
from benchmarks.harness.held import Step
from benchmarks.harness.peers.peer import Peer


def hold(case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]) -> None:
    ours.hold(case, order, then, supernet="generic")


PEER = Peer("generic", "our generic supernet", (1, 2), lambda case, checkout: None, hold)
