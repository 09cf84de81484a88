"""Epochs that a method adds after those of the search."""

from __future__ import annotations

from typing import Any

from nni_darts.parts.demand import NO_STOPPING, demands
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Structure


@demands(NO_STOPPING)
class Tail:
    """What a search does after ``search.epochs``: whole epochs of training, and something before each.

    There ``state.epoch`` and ``state.epochs`` both stay the search's own number, so that whatever grows or
    fades with the epochs keeps its last value, and the evaluator's learning-rate schedule rests. Steps and
    schedules are those of the recipe. No search shares this object with another.

    Attributes
    ----------
    memory
        All that it remembers, in plain values: the checkpoint keeps it.
    """

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}

    def epochs(self, structure: Structure) -> int:
        """How many epochs it adds on a space."""
        raise NotImplementedError

    def begin(self, state: SearchState, epoch: int) -> None:
        """Act before the training of its epoch number ``epoch``, from 0.

        The learning rate and the momenta of the weights are its business. An epoch that is continued in
        its middle does not begin again.
        """
        raise NotImplementedError

    def restore(self, state: SearchState) -> None:
        """``memory`` was read from a checkpoint: bring the state to what it says."""
        raise NotImplementedError

    def metrics(self) -> dict[str, float]:
        """Numbers of the epoch to report, the same ones in every epoch, from the first of the search on."""
        return {}
