"""Mixture weights of all labels as few matrices, one per number of candidates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class Rows:
    """Packs label -> weights into matrices ``[labels, candidates]`` and back.

    Parameters
    ----------
    sizes
        Label -> number of candidates.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._order = list(sizes)
        groups: dict[int, list[str]] = defaultdict(list)
        for label, size in sizes.items():
            groups[size].append(label)
        self._groups = list(groups.values())

    def pack(self, weights: Mapping[str, Tensor]) -> list[Tensor]:
        """One matrix per number of candidates, labels in their order."""
        return [torch.stack([weights[label] for label in labels]) for labels in self._groups]

    def unpack(self, matrices: Sequence[Tensor]) -> dict[str, Tensor]:
        """What was packed, under its labels, which keep their order."""
        found = {
            label: row
            for labels, matrix in zip(self._groups, matrices, strict=True)
            for label, row in zip(labels, matrix.unbind(0), strict=True)
        }
        return {label: found[label] for label in self._order}
