"""Our own step in other forms: the generic supernet, and the fused one without CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness import ours
from benchmarks.harness.case import Case
from benchmarks.harness.held import Step
from benchmarks.harness.peers.peer import Peer


def hold(
    case: Case, order: int, checkout: Path | None, then: Callable[[Step], None], *, implementation: str
) -> None:
    ours.hold(case, order, then, implementation)


def captured_nowhere(case: Case, checkout: Path | None) -> str | None:
    return None if case.kind == "cuda" else "steps are captured on GPUs only; here it is our own step."


PEER = Peer(
    "generic",
    "our generic supernet",
    (1, 2),
    lambda case, checkout: None,
    partial(hold, implementation="generic"),
)

EAGER = Peer("eager", "ours, not captured", (1, 2), captured_nowhere, partial(hold, implementation="eager"))
