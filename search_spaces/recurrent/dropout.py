"""Variational ("locked") dropout: one mask for all time steps of a sequence (Gal, Ghahramani 2016)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class Dropouts:
    """Probabilities, by the names of rnn/train_search.py in quark0/darts, whose defaults these are.

    Attributes
    ----------
    dropout
        Of the cell's outputs before the decoder.
    dropoutx, dropouth
        Of the cell's input and of every state before it is multiplied by a matrix.
    dropouti
        Of the embedded tokens.
    dropoute
        Of whole words: all places of a word in the batch together.
    """

    dropout: float = 0.75
    dropoutx: float = 0.75
    dropouth: float = 0.25
    dropouti: float = 0.2
    dropoute: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            f"{field.name} must be a number from 0 to below 1, got {value!r}."
            for field in fields(self)
            if not isinstance(value := getattr(self, field.name), int | float) or not 0 <= value < 1
        ]
        if problems:
            raise ConfigError(*problems)


def mask(probability: float, like: Tensor, *shape: int) -> Tensor | None:
    """0 with the probability, else 1 / (1 - probability), in the type of ``like``; None if nothing drops."""
    if not probability:
        return None
    keep = 1 - probability
    return torch.empty(shape, dtype=like.dtype, device=like.device).bernoulli_(keep).div_(keep)


def masked(x: Tensor, factors: Tensor | None) -> Tensor:
    """The product, or ``x`` where there is no mask."""
    return x if factors is None else x * factors
