"""How a search ends before its last epoch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from nni_darts.parts.stopping import Return, Sample, Stop, Stopping
from nni_darts.plain import plain
from nni_darts.state import SearchState

logger = logging.getLogger(__name__)


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

    def finish(self, epoch: int) -> bool:
        """At the end of the trainer's ``epoch``: whether the search ends with it."""
        if self.stop is not None:
            self.over = True
            logger.info(
                "stopped after epoch %d: %s; the architecture is that of epoch %d",
                *(epoch, self.stop.reason, self.stop.epoch),
            )
        return self.over

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
