"""The BatchNorms of one part of a cell, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.normalise import batch_statistics, normalised


class Norms:
    """BatchNorms of equal eps, all with weights or all without."""

    def __init__(self, book: Book, norms: Sequence[Any]) -> None:
        self.eps: float = norms[0].eps
        self.affine: bool = norms[0].affine
        self.statistics = book.statistics.ask(norms)
        if self.affine:
            self.weights = book.weights.ask(norms)
            self.biases = book.biases.ask(norms)

    def fold(
        self, page: Page, filters: Tensor, mean: Tensor | None, covariance: Tensor | None, count: int
    ) -> tuple[Tensor, Tensor]:
        """``filters`` [K, D, C] with these BatchNorms after them: filters and biases [K, D].

        Parameters
        ----------
        mean, covariance
            Of the input, [K, C] and [K, C, C], over ``count`` pixels; not needed when evaluating.
        """
        shape = filters.shape[:2]
        if page.statistics is None:
            assert mean is not None and covariance is not None
            centre, variance = batch_statistics(filters, mean, covariance)
            page.record(self.statistics, [centre], [variance], count)
        else:
            centre, variance = (part.view(shape) for part in page.statistics[self.statistics])
        weight = page.weights[self.weights].view(shape) if self.affine else None
        bias = page.biases[self.biases].view(shape) if self.affine else None
        return normalised(filters, centre, variance, self.eps, weight, bias)
