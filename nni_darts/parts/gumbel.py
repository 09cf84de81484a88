"""Mixture weights drawn from the Concrete distribution: softmax of logits with Gumbel noise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from nni_darts.parts.relaxation import INITIAL_SCALE, Relaxation


def gumbel(like: Tensor) -> Tensor:
    """-ln E with E from Exp(1), independent entries of the shape of ``like``; always finite."""
    exponential = torch.empty_like(like).exponential_()
    # The official code draws again where a number is infinite, which would ask the device for an answer.
    return -exponential.clamp_min(torch.finfo(like.dtype).tiny).log()


def concrete(alphas: Tensor, noise: Tensor, temperature: Tensor | float) -> Tensor:
    """softmax((log softmax(alphas) + noise) / temperature) over the last axis (SNAS, GDAS)."""
    return ((alphas.log_softmax(-1) + noise) / temperature).softmax(-1)


def straight_through(soft: Tensor) -> Tensor:
    """The one-hot vectors of the largest entries of the last axis, exactly, with the gradient of ``soft``."""
    hard = one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
    return hard + (soft - soft.detach())


class GumbelSoftmax(Relaxation):
    """One draw per label and forward, shared by all cells that share the label and by the whole batch.

    A one-hot draw chooses a candidate with probability softmax(alpha) at every temperature. In evaluation
    mode nothing is drawn, and the noise is 0: validation measures the likeliest mixture. Derivations and
    reports see softmax(alpha).

    Parameters
    ----------
    sizes, mean, scale
        As in :class:`Relaxation`.
    hard
        One-hot weights with the gradient of the soft ones (GDAS) instead of the soft ones (SNAS).
    """

    draws = True
    capturable = True
    temperature: Tensor

    def __init__(
        self, sizes: Mapping[str, int], mean: float = 0.0, scale: float = INITIAL_SCALE, hard: bool = False
    ) -> None:
        super().__init__(sizes, mean, scale)
        self.hard = self.chooses = hard
        self.register_buffer("temperature", torch.ones(()))  # in checkpoints, and in place for recordings

    def forward(self) -> dict[str, Tensor]:
        return self.each_row(self._draw)

    def probabilities(self) -> dict[str, Tensor]:
        return self.each_row(lambda alphas: alphas.softmax(-1))

    def _draw(self, alphas: Tensor) -> Tensor:
        noise = gumbel(alphas) if self.training else torch.zeros_like(alphas)
        soft = concrete(alphas, noise, self.temperature)
        return straight_through(soft) if self.hard else soft
