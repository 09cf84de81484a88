"""All small tensors of a cell: asked for while it is planned, read once in every forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.gather import Batch, Gather, Statistics
from nni_darts.supernet.weights import MixtureWeights

Place = tuple[str, int] | None
"""A label and a candidate's index; None stands for a weight of zero."""


class Coefficients:
    """Mixture weights in the order in which the parts of a cell use them."""

    def __init__(self) -> None:
        self._labels: list[str] = []
        self._places: list[Place] = []
        self._sizes: list[int] = []
        self._index: Tensor | None = None

    def ask(self, places: Sequence[Place]) -> int:
        """Number of the part that will hold the weights at these places."""
        self._labels += [place[0] for place in places if place and place[0] not in self._labels]
        self._places += places
        self._sizes.append(len(places))
        return len(self._sizes) - 1

    def read(self, mixture: MixtureWeights, dtype: torch.dtype) -> Sequence[Tensor]:
        """All parts, in the type of the weights: alphas may have another precision."""
        if not self._sizes:
            return ()
        rows = [mixture[label] for label in self._labels]
        starts, end = {}, 0
        for label, row in zip(self._labels, rows, strict=True):
            starts[label] = end
            end += len(row)
        zero = rows[0].new_zeros(1)
        if self._index is None or self._index.device != zero.device:
            order = [end if place is None else starts[place[0]] + place[1] for place in self._places]
            self._index = torch.tensor(order, device=zero.device)
        return torch.cat([*rows, zero]).to(dtype).index_select(0, self._index).split(self._sizes)


@dataclass
class Book:
    """What the parts of one cell ask for."""

    weights: Gather = field(default_factory=lambda: Gather("weight"))
    biases: Gather = field(default_factory=lambda: Gather("bias"))
    statistics: Statistics = field(default_factory=Statistics)
    coefficients: Coefficients = field(default_factory=Coefficients)

    def open(self, mixture: MixtureWeights, training: bool, dtype: torch.dtype) -> Page:
        """Everything for one forward."""
        return Page(
            weights=self.weights.read(),
            biases=self.biases.read(),
            coefficients=self.coefficients.read(mixture, dtype),
            statistics=None if training else self.statistics.read(),
        )


@dataclass
class Page:
    """One forward of a cell: what was read, and what the parts leave for others.

    Attributes
    ----------
    statistics
        Running mean and variance by part when evaluating; None when training.
    found
        What the BatchNorms of each part saw, when training.
    totals
        Node -> what kernels have brought it so far, [B, H, W, C], added to in place.
    terms
        Node -> what else its edges have brought, [B, C, H, W].
    shared
        Tensors that several parts read.
    """

    weights: Sequence[Tensor]
    biases: Sequence[Tensor]
    coefficients: Sequence[Tensor]
    statistics: list[tuple[Tensor, Tensor]] | None
    found: dict[int, Batch] = field(default_factory=dict)
    totals: dict[int, Tensor] = field(default_factory=dict)
    terms: dict[int, list[Tensor]] = field(default_factory=dict)
    shared: dict[Any, Tensor] = field(default_factory=dict)

    def rectified(self, state: int, states: Sequence[Tensor]) -> Tensor:
        """ReLU of a state, computed once."""
        if state not in self.shared:
            self.shared[state] = states[state].relu()
        return self.shared[state]

    def add(self, node: int, value: Tensor) -> None:
        """One more term of a node, [B, C, H, W]."""
        self.terms.setdefault(node, []).append(value)

    def node(self, node: int) -> Tensor:
        """The sum of all that was brought."""
        terms = self.terms.pop(node, [])
        if node in self.totals:
            terms.append(self.totals.pop(node).permute(0, 3, 1, 2))
        return sum(terms[1:], terms[0])

    def record(
        self, part: int, means: Sequence[Tensor], variances: Sequence[Tensor], correction: float
    ) -> None:
        """What a part's BatchNorms saw: means and variances, unbiased once multiplied by ``correction``."""
        self.found[part] = Batch(means, variances, correction)
