"""A language model around one recurrent cell (rnn/model.py of quark0/darts, after AWD-LSTM)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from nni_darts.errors import ConfigError
from search_spaces.recurrent.cell import INITIAL, Masks, RecurrentCell
from search_spaces.recurrent.dropout import Dropouts, mask, masked


class Prediction(NamedTuple):
    """What a language model says of a batch of text.

    Attributes
    ----------
    logits
        Of the next token, [T, B, vocabulary]; ``log_softmax`` gives log probabilities.
    hidden
        After the last time step, [B, n], still part of the graph: detach it to carry it on.
    raw, dropped
        The cell's outputs without and with their dropout, [T, B, n]: what the regularisers of AWD-LSTM read
        (beta the steps of the first, alpha the size of the second).
    """

    logits: Tensor
    hidden: Tensor
    raw: Tensor
    dropped: Tensor


class LanguageModel(nn.Module):
    """Embedding, cell, and a decoder whose matrix is the embedding's (tied: there is one parameter).

    Parameters
    ----------
    cell
        Of the same width as the embedding.
    """

    def __init__(self, cell: RecurrentCell, vocabulary: int, width: int, dropouts: Dropouts) -> None:
        super().__init__()
        self.dropouts = dropouts
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.uniform_(self.embedding.weight, -INITIAL, INITIAL)
        self.decoder_bias = nn.Parameter(torch.zeros(vocabulary))
        self.cell = cell

    @property
    def tied_weights(self) -> list[Tensor]:
        """Parameters with two places in the original, where they have two names."""
        return [self.embedding.weight]

    def initial_hidden(self, batch: int) -> Tensor:
        """Zeros, [B, n]: what a text begins with."""
        weight = self.embedding.weight
        return weight.new_zeros(batch, weight.shape[1])

    def forward(self, tokens: Tensor, hidden: Tensor) -> Prediction:
        """Read ``tokens`` [T, B] on from ``hidden`` [B, n]; masks are drawn once for the whole call."""
        rates = self.dropouts if self.training else _NO_DROPOUT
        embedded = self.embedding(tokens)
        _, batch, width = embedded.shape
        words = mask(rates.dropoute, embedded, len(self.embedding.weight), 1)
        if words is not None:
            embedded = embedded * words[tokens]
        embedded = masked(embedded, mask(rates.dropouti, embedded, batch, width))
        masks = Masks(
            mask(rates.dropoutx, embedded, batch, width), mask(rates.dropouth, embedded, batch, width)
        )
        raw = self.cell(embedded, hidden, masks)
        dropped = masked(raw, mask(rates.dropout, raw, batch, width))
        logits = functional.linear(dropped, self.embedding.weight, self.decoder_bias)
        return Prediction(logits, raw[-1], raw, dropped)


_NO_DROPOUT = Dropouts(0.0, 0.0, 0.0, 0.0, 0.0)


def check_sizes(**sizes: int) -> None:
    """Refuse sizes that no network can have, all at once."""
    problems = [
        f"{name} must be a whole number of at least 1, got {value!r}."
        for name, value in sizes.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    if problems:
        raise ConfigError(*problems)
