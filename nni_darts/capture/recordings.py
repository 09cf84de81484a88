"""The recordings of one search, and whether they are still of what is there."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from torch import Tensor

from nni_darts.capture.search import Captured, captured

if TYPE_CHECKING:
    from nni_darts.engine import SearchModule


class Recordings:
    """The recorded steps of a search, made anew where something that they refer to lies elsewhere.

    Attributes
    ----------
    steps
        None where steps run as they are.
    """

    def __init__(self) -> None:
        self.steps: Captured | None = None
        self._addresses: Addresses | None = None

    def prepare(self, search: SearchModule) -> None:
        """Record from the next steps on, if this search can be recorded."""
        self.steps = captured(search)
        self._addresses = None if self.steps is None else Addresses(search)

    def follow(self, search: SearchModule) -> None:
        """Weights or optimiser states may have been replaced: recordings would miss the new ones."""
        if self._addresses is not None and self._addresses.moved():
            self.prepare(search)

    def release(self) -> None:
        """Give up the recordings, and their memory with them."""
        self.steps = self._addresses = None


class Addresses:
    """Where everything lies that recordings refer to and that outlives a step; and what is decided."""

    def __init__(self, search: SearchModule) -> None:
        self._search = search
        self._before = self._now()

    def moved(self) -> bool:
        """Whether something lies elsewhere than when this was last asked; what is new did not move."""
        before, self._before = self._before, self._now()
        return any(self._before.get(name) != address for name, address in before.items())

    def _now(self) -> dict[Hashable, int]:
        search = self._search
        found: dict[Hashable, int] = {
            name: tensor.data_ptr()
            for tensors in (search.named_parameters(), search.named_buffers())
            for name, tensor in tensors
        }
        found["gates"] = search.state.weights.gates.changes
        for optimizer in search.trainer.optimizers:
            for parameter, state in optimizer.state.items():
                for name, value in state.items():
                    if isinstance(value, Tensor):
                        found[id(optimizer), id(parameter), name] = value.data_ptr()
        return found
