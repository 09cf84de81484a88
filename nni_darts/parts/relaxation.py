"""From architecture parameters to mixture weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

INITIAL_SCALE = 1e-3
"""Standard deviation of the initial alphas, as in the official code; the paper says 0."""


class Relaxation(nn.Module):
    """Owns one vector ``alpha`` per label and turns all of them into weights, once per forward.

    Parameters
    ----------
    sizes
        Label -> number of candidates. The order is kept: it is the order of the outer optimiser's state.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.labels = list(sizes)
        # ParameterDict would refuse the dots that user labels may hold.
        self.alphas = nn.ParameterList(INITIAL_SCALE * torch.randn(size) for size in sizes.values())

    def alpha(self, label: str) -> nn.Parameter:
        """The logits of one label, shape ``[candidates]``."""
        return self.alphas[self.labels.index(label)]

    def forward(self) -> dict[str, Tensor]:
        """Label -> weights, shape ``[candidates]``."""
        raise NotImplementedError


class Softmax(Relaxation):
    """p = softmax(alpha) for every label (DARTS, equation 2)."""

    def forward(self) -> dict[str, Tensor]:
        by_size: dict[int, list[int]] = defaultdict(list)
        for index, alpha in enumerate(self.alphas):
            by_size[len(alpha)].append(index)
        weights: dict[int, Tensor] = {}
        # One softmax for all labels of one size: a cell of 14 edges costs one kernel, not 14.
        for indices in by_size.values():
            rows = torch.softmax(torch.stack([self.alphas[index] for index in indices]), dim=-1)
            weights.update(zip(indices, rows.unbind(0), strict=True))
        return {label: weights[index] for index, label in enumerate(self.labels)}
