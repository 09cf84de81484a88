"""Tensors that are moved for a while and come back to the bit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class Snapshot:
    """What tensors hold now, to be written back into their own memory.

    Parameters
    ----------
    silently
        Write past autograd's version counters: a graph that saved the tensors stays usable once they are
        restored, and nothing notices a gradient that is taken too early.
    """

    def __init__(self, tensors: Sequence[Tensor], silently: bool = False) -> None:
        self.tensors = [tensor.data for tensor in tensors] if silently else list(tensors)
        self.values = [torch.empty_like(tensor, requires_grad=False) for tensor in self.tensors]
        _copy(self.values, self.tensors)

    def restore(self) -> None:
        """Write the values back; whatever refers to the tensors sees them."""
        _copy(self.tensors, self.values)


class Displacement:
    """Weights that stand somewhere else until they are restored.

    Moving writes into the weights themselves: autograd refuses to differentiate a graph that was built
    before the move and needs them, unless ``keep_graphs`` promises to do that only after the restoration.
    """

    def __init__(self, weights: Sequence[Tensor], keep_graphs: bool = False) -> None:
        self._origin = Snapshot(weights, silently=keep_graphs)

    @torch.no_grad()
    def to(self, direction: Sequence[Tensor], distance: Tensor | float = 1.0) -> None:
        """Stand at origin + distance * direction, wherever the weights were."""
        weights = self._origin.tensors
        _copy(weights, direction)
        torch._foreach_mul_(weights, distance)
        torch._foreach_add_(weights, self._origin.values)
        _forget_casts()

    def restore(self) -> None:
        """Stand at the origin again."""
        self._origin.restore()
        _forget_casts()


def _forget_casts() -> None:
    # Automatic mixed precision keeps the low-precision copies of weights until its context ends.
    torch.clear_autocast_cache()


@torch.no_grad()
def _copy(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    for indices in _alike(targets):
        torch._foreach_copy_([targets[i] for i in indices], [sources[i] for i in indices])


def _alike(tensors: Sequence[Tensor]) -> Iterator[list[int]]:
    """Indices by device and type: a list of mixed ones would be copied one by one."""
    groups = defaultdict(list)
    for index, tensor in enumerate(tensors):
        groups[tensor.device, tensor.dtype].append(index)
    yield from groups.values()
