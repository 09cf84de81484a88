"""From architecture parameters to mixture weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from nni_darts.parts.rows import Rows
from nni_darts.supernet.structure import Structure

INITIAL_SCALE = 1e-3
"""Standard deviation of the initial alphas, as in the official code; the paper says 0."""


class Relaxation(nn.Module):
    """Owns one vector ``alpha`` per label and turns all of them into weights, once per forward.

    Parameters
    ----------
    sizes
        Label -> number of candidates. The order is kept: it is the order of the outer optimiser's state.
    mean, scale
        Of the normal distribution that the first alphas are drawn from.
    """

    draws = False
    """Whether every call draws other weights, so that two losses are never of the same mixture."""

    competes = True
    """Whether the weights of a choice sum to 1."""

    chooses = False
    """Whether most of the weights of a choice are exactly 0."""

    def __init__(self, sizes: Mapping[str, int], mean: float = 0.0, scale: float = INITIAL_SCALE) -> None:
        super().__init__()
        self.mean, self.scale = mean, scale
        self.labels = list(sizes)
        # ParameterDict would refuse the dots that user labels may hold.
        self.alphas = nn.ParameterList(mean + scale * torch.randn(size) for size in sizes.values())
        self._rows = Rows(sizes)

    def prepare(self, structure: Structure) -> None:
        """Called once with the space's structure, for relaxations that need more of it than the sizes."""

    def alpha(self, label: str) -> nn.Parameter:
        """The logits of one label, shape ``[candidates]``."""
        return self.alphas[self.labels.index(label)]

    def forward(self) -> dict[str, Tensor]:
        """Label -> weights, shape ``[candidates]``."""
        raise NotImplementedError

    def probabilities(self) -> dict[str, Tensor]:
        """Label -> what derivations and reports read: the weights, where nothing is drawn."""
        weights: dict[str, Tensor] = self()
        return weights

    def each_row(self, function: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """``function`` of the alphas, row by row: it gets matrices ``[labels, candidates]``.

        One matrix for all labels of one size: a softmax over a cell of 14 edges costs one kernel, not 14.
        """
        matrices = self._rows.pack(dict(zip(self.labels, self.alphas, strict=True)))
        return self._rows.unpack([function(matrix) for matrix in matrices])


class Softmax(Relaxation):
    """p = softmax(alpha) for every label (DARTS, equation 2)."""

    def forward(self) -> dict[str, Tensor]:
        return self.each_row(lambda alphas: alphas.softmax(-1))
