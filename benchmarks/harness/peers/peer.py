"""Somebody else's implementation of the same step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step


class Hold(Protocol):
    """Build the step of an order and hand it to ``then``; ``checkout`` is the user's copy of quark0/darts."""

    def __call__(
        self, case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]
    ) -> None: ...


@dataclass(frozen=True)
class Peer:
    """An implementation to compare with.

    Attributes
    ----------
    title
        What its rows are called in tables, with what differs from our step.
    orders
        Orders it has.
    missing
        Why it cannot run this case here, in a sentence; None if it can.
    """

    name: str
    title: str
    orders: tuple[int, ...]
    missing: Callable[[Case, Path | None], str | None]
    hold: Hold
