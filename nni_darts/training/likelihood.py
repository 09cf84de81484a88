"""Running likelihood of an epoch on a text, which survives a checkpoint in its middle."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LARGEST = 80.0
"""Loss from which a perplexity is not told apart any more: e^80 is still a number."""


def perplexity(loss: float) -> float:
    """e^loss, finite for every loss."""
    return math.exp(min(loss, LARGEST))


class Likelihood(nn.Module):
    """Sum of the negative log likelihoods of an epoch's windows, each weighted by its rows.

    Parameters
    ----------
    bare_rows
        Rows that are counted although they have no target. The official evaluation divides by all rows of
        the text, of which the first is never predicted; published perplexities are slightly low for it.
    """

    sums: Tensor

    def __init__(self, bare_rows: int = 0) -> None:
        super().__init__()
        self.bare_rows = bare_rows
        self.register_buffer("sums", torch.zeros(2, dtype=torch.float64))

    def reset(self) -> None:
        """Begin an epoch."""
        self.sums.zero_()

    @torch.no_grad()
    def update(self, loss: Tensor, rows: int) -> None:
        """Count a window of so many rows by its mean loss."""
        self.sums += torch.stack([loss.detach().double() * rows, torch.full_like(loss, rows).double()])

    def compute(self) -> dict[str, float]:
        """``loss`` in nats a token and ``perplexity``; empty before any window."""
        total, rows = self.sums.tolist()
        if not rows:
            return {}
        loss = total / (rows + self.bare_rows)
        return {"loss": loss, "perplexity": perplexity(loss)}
