"""Rules that end a search before its last epoch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from nni_darts.state import SearchState

Sample = dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """Why a search ends now, and the architecture it ends with, which was derived after ``epoch``."""

    reason: str
    epoch: int
    sample: Sample


class Stopping:
    """Asked after the last step of every epoch in which the architecture moved, before its validation.

    It gets the state, with the epoch's last batches, and the architecture derived from it now. The search
    goes on where it answers None. It must leave the state as it was.

    Attributes
    ----------
    memory
        All that it remembers from one epoch to the next, in plain values: the checkpoint keeps it.
    """

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}

    def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
        raise NotImplementedError

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
        The rule's answer once it is not None.
    over
        Whether the epoch of the answer is complete, validation included.
    """

    def __init__(self, rule: Stopping | None) -> None:
        self.rule = deepcopy(rule)
        self.stop: Stop | None = None
        self.over = False

    def ask(self, state: SearchState, derive: Callable[[SearchState], Sample]) -> None:
        """At the end of an epoch's training."""
        if self.rule is not None and state.architecture_moves:
            self.stop = self.rule(state, derive(state))

    def metrics(self) -> dict[str, float]:
        """The rule's."""
        return {} if self.rule is None else self.rule.metrics()

    def state_dict(self) -> dict[str, Any]:
        """Plain values, which a checkpoint may hold."""
        content = {
            "memory": self.rule.memory if self.rule else {},
            "stop": asdict(self.stop) if self.stop else None,
            "over": self.over,
        }
        found: dict[str, Any] = plain(content)
        return found

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        if self.rule is not None:
            self.rule.memory = content["memory"]
        self.stop = Stop(**content["stop"]) if content["stop"] else None
        self.over = content["over"]


def plain(value: Any) -> Any:
    """The same value as a checkpoint may hold it, labels of NNI as the strings that they are."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
