"""A task: one training that the pipeline wants done, however many trials that takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nni_darts.pipeline.result import Result

STAGES = ("search", "select", "retrain")
"""The stages in the order in which they run."""


class State(Enum):
    """Where a task stands."""

    TODO = "todo"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass
class Task:
    """One search, one selection training or one retraining.

    ``point`` is the search-space point whose settings apply; ``architecture`` is what is to be trained,
    ``None`` for a search. ``attempts`` counts the trials started for it, ``reason`` says why the last
    one failed.
    """

    stage: str
    index: int
    seed: int
    point: dict[str, Any] = field(default_factory=dict)
    architecture: dict[str, Any] | None = None
    state: State = State.TODO
    attempts: int = 0
    result: Result | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """Name under which trials report: ``search/0``."""
        return f"{self.stage}/{self.index}"

    @property
    def order(self) -> tuple[int, int]:
        """Place among all tasks of a plan."""
        return STAGES.index(self.stage), self.index

    @property
    def is_open(self) -> bool:
        """Whether a result is still to come."""
        return self.state in (State.TODO, State.RUNNING)

    @property
    def found(self) -> dict[str, Any] | None:
        """The architecture that this task stands for: what a search derived, or what was trained."""
        if self.stage != "search":
            return self.architecture
        return self.result.architecture if self.result else None

    def start(self) -> None:
        """One more trial is on its way."""
        self.state = State.RUNNING
        self.attempts += 1

    def finish(self, result: Result) -> None:
        """The result is in."""
        self.state, self.result = State.DONE, result

    def fail(self, reason: str, max_attempts: int) -> None:
        """The running trial is lost: try again while attempts are left."""
        self.reason = reason
        self.state = State.TODO if self.attempts < max_attempts else State.FAILED
