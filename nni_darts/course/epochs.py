"""Which of its trainer's epochs are a search's own, and which are those that its method adds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from nni_darts.parts.tail import Tail
from nni_darts.plain import plain
from nni_darts.state import SearchState


class Epochs:
    """The epochs of one search, and the tail after them.

    Parameters
    ----------
    tail
        Of the recipe, which other searches may share; None for a search without.
    state
        Is told which epoch it is.

    Attributes
    ----------
    first
        The trainer's epoch in which this search begins: epoch 0 of its parts.
    tail
        This search's own.
    added
        How many epochs the tail has.
    """

    def __init__(self, tail: Tail | None, state: SearchState) -> None:
        self.first = 0
        self.tail = deepcopy(tail)
        self.added = 0 if self.tail is None else self.tail.epochs(state.structure)
        self._state = state

    def own(self, trainer: Any) -> int:
        """How many the search has without its tail."""
        return int((trainer.max_epochs or 1) - self.first - self.added)

    def begin(self, trainer: Any) -> None:
        """Tell the state which epoch begins, or goes on after an interruption."""
        state = self._state
        state.epochs = self.own(trainer)
        # What grows or fades with the epochs stays in the tail at what it came to.
        state.epoch = min(trainer.current_epoch - self.first, state.epochs)
        state.clock.fill_(state.epoch)
        state.architecture_moves = True

    def begin_tail(self, trainer: Any) -> None:
        """Let the tail act before the training of one of its epochs."""
        if self.tail is not None and self.in_tail(trainer):
            with trainer.precision_plugin.forward_context():
                self.tail.begin(self._state, self._tail_epoch(trainer))

    def in_tail(self, trainer: Any) -> bool:
        """Whether this epoch is one that the method adds."""
        return self._tail_epoch(trainer) >= 0

    def _tail_epoch(self, trainer: Any) -> int:
        """Number of this epoch in the tail, from 0; negative before it."""
        return int(trainer.current_epoch - self.first - self._state.epochs)

    def metrics(self) -> dict[str, float]:
        """The tail's."""
        return {} if self.tail is None else self.tail.metrics()

    def state_dict(self) -> Any:
        """What the tail remembers, in plain values."""
        return {} if self.tail is None else plain(self.tail.memory)

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        if self.tail is not None:
            self.tail.memory = content
            self.tail.restore(self._state)
