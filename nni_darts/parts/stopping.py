"""Rules that end a search before its last epoch, or send it back to an earlier one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nni_darts.state import SearchState

Sample = dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """Why a search ends now, and the architecture it ends with, which was derived after ``epoch``."""

    reason: str
    epoch: int
    sample: Sample


@dataclass(frozen=True)
class Return:
    """Why a search goes back to the end of ``epoch``, an earlier one, and goes on from there."""

    reason: str
    epoch: int


class Stopping:
    """Asked after the last step of every epoch in which the architecture moved, before its validation.

    It gets the state, with the epoch's last batches, and the architecture derived from it now. The search
    goes on where it answers None. It must leave the state as it was.

    After a :class:`Return` weights, running statistics, architecture, optimisers, learning-rate schedules
    and this rule's memory are what they were at the end of that epoch; random generators go on, and
    ``state.returns`` counts.

    Attributes
    ----------
    memory
        All that it remembers from one epoch to the next, in plain values: the checkpoint keeps it.
    may_return
        Whether it may answer :class:`Return`.
    """

    may_return = False

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}

    def __call__(self, state: SearchState, sample: Sample) -> Stop | Return | None:
        raise NotImplementedError

    def needs(self, state: SearchState) -> Collection[int]:
        """The epochs to which it may ever return, this one included; asked at the end of an epoch.

        What is named must have been named at its own end and since.
        """
        return ()

    def metrics(self) -> dict[str, float]:
        """Numbers of the epoch to report, the same ones in every epoch."""
        return {}
