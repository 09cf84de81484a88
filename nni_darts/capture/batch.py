"""The batch in tensors that stay where they are."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


def layout_of(batch: Any) -> Hashable:
    """Everything about a batch but the numbers in its tensors; batches that share it share their buffers.

    Raises
    ------
    TypeError
        It holds something that is neither a tensor nor hashable.
    """
    leaves, structure = pytree.tree_flatten(batch)
    described = tuple(
        (tuple(leaf.shape), leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf for leaf in leaves
    )
    hash(described)
    return described, str(structure)


class StaticBatch:
    """A copy of a batch whose tensors are overwritten by later batches of the same layout."""

    def __init__(self, batch: Any) -> None:
        self.content = pytree.tree_map_only(Tensor, torch.empty_like, batch)
        self._tensors = [leaf for leaf in pytree.tree_leaves(self.content) if isinstance(leaf, Tensor)]

    def fill(self, batch: Any) -> None:
        """Take the numbers of ``batch``."""
        tensors = [leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor)]
        for target, source in zip(self._tensors, tensors, strict=True):
            target.copy_(source, non_blocking=True)
