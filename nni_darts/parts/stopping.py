"""Rules that end a search before its last epoch, or send it back to an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from nni_darts.plain import plain
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


class Ending:
    """How far a search is from its end by a rule, for one search and its checkpoints.

    Parameters
    ----------
    rule
        Of the recipe, which other searches may share; None for a search that runs to its last epoch.

    Attributes
    ----------
    stop
        The rule's answer once it ends the search.
    back
        Its answer where this epoch is to be followed by an earlier one's successor.
    over
        Whether the epoch of the answer is complete, validation included.
    """

    def __init__(self, rule: Stopping | None) -> None:
        self.rule = deepcopy(rule)
        self.stop: Stop | None = None
        self.back: Return | None = None
        self.over = False

    def ask(self, state: SearchState, derive: Callable[[SearchState], Sample]) -> None:
        """At the end of an epoch's training."""
        if self.rule is not None and state.architecture_moves:
            answer = self.rule(state, derive(state))
            self.stop = answer if isinstance(answer, Stop) else None
            self.back = answer if isinstance(answer, Return) else None

    def metrics(self) -> dict[str, float]:
        """The rule's."""
        return {} if self.rule is None else self.rule.metrics()

    def state_dict(self) -> dict[str, Any]:
        """Plain values, which a checkpoint may hold."""
        content = {
            "memory": self.rule.memory if self.rule else {},
            "stop": asdict(self.stop) if self.stop else None,
            "back": asdict(self.back) if self.back else None,
            "over": self.over,
        }
        found: dict[str, Any] = plain(content)
        return found

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        if self.rule is not None:
            self.rule.memory = content["memory"]
        self.stop = Stop(**content["stop"]) if content["stop"] else None
        back = content.get("back")  # earlier versions wrote none
        self.back = Return(**back) if back else None
        self.over = content["over"]
