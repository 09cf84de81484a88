"""The BatchNorms of one part of a cell, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from nni_darts.supernet.fused.book import Book, Page


class NormTensors(NamedTuple):
    """Flat [K * C]; ``weight`` and ``bias`` None without, ``mean`` and ``variance`` None when training."""

    weight: Tensor | None
    bias: Tensor | None
    mean: Tensor | None
    variance: Tensor | None


class Norms:
    """BatchNorms of equal eps, all with weights or all without."""

    def __init__(self, book: Book, norms: Sequence[Any]) -> None:
        self.eps: float = norms[0].eps
        self._statistics = book.statistics.ask(norms)
        self._weight = book.weights.ask(norms) if norms[0].affine else None
        self._bias = book.biases.ask(norms) if norms[0].affine else None

    def read(self, page: Page) -> NormTensors:
        """What this forward normalises with."""
        mean, variance = (None, None) if page.statistics is None else page.statistics[self._statistics]
        weight = None if self._weight is None else page.weights[self._weight]
        return NormTensors(weight, None if self._bias is None else page.biases[self._bias], mean, variance)

    def record(
        self, page: Page, means: Sequence[Tensor], variances: Sequence[Tensor], correction: float
    ) -> None:
        """What they saw when training, for their running statistics: see ``Page.record``."""
        if page.statistics is None:
            page.record(self._statistics, means, variances, correction)
