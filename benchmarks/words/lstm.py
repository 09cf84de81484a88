"""An LSTM with the embedding, the decoder, the dropouts and the training of our recurrent networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces.recurrent.cell import Masks
from search_spaces.recurrent.dropout import Dropouts, masked
from search_spaces.recurrent.language_model import LanguageModel, Prediction


class LstmCell(nn.Module):
    """One layer; input and hidden state are masked before their matrix, once for all time steps.

    Attributes
    ----------
    memory
        What the cell remembers beside its output, [B, n]: before a sequence, then after it.
    """

    memory: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        bound = width**-0.5  # as nn.LSTM begins
        self.of_input = nn.Parameter(torch.empty(width, 4 * width).uniform_(-bound, bound))
        self.of_hidden = nn.Parameter(torch.empty(width, 4 * width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * width))

    def forward(self, x: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """The outputs of all time steps, [T, B, n]."""
        memory, outputs = self.memory, []
        for token in masked(x, masks.input) @ self.of_input + self.bias:
            reads, forgets, writes, candidate = (token + masked(hidden, masks.hidden) @ self.of_hidden).chunk(
                4, -1
            )
            memory = forgets.sigmoid() * memory + reads.sigmoid() * candidate.tanh()
            hidden = writes.sigmoid() * memory.tanh()
            outputs.append(hidden)
        self.memory = memory
        return torch.stack(outputs)


class LstmModel(LanguageModel):
    """Its hidden state is output and memory, side by side: [B, 2n]."""

    cell: LstmCell

    def __init__(self, vocabulary: int, width: int, dropouts: Dropouts) -> None:
        super().__init__(LstmCell(width), vocabulary, width, dropouts)  # type: ignore[arg-type]

    def initial_hidden(self, batch: int) -> Tensor:
        """Zeros."""
        return super().initial_hidden(batch).repeat(1, 2)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Prediction:
        """As every language model here."""
        output, self.cell.memory = hidden.chunk(2, -1)
        found = super().forward(tokens, output)
        return found._replace(hidden=torch.cat([found.hidden, self.cell.memory], -1))


def weights_of(vocabulary: int, width: int) -> int:
    """V n + V + 8 n^2 + 4 n weights."""
    return vocabulary * (width + 1) + 8 * width**2 + 4 * width


def width_for(weights: int, vocabulary: int) -> int:
    """The width at which the number of weights comes nearest to ``weights``."""
    below = 1
    while weights_of(vocabulary, below + 1) <= weights:
        below += 1
    return min((below, below + 1), key=lambda width: abs(weights_of(vocabulary, width) - weights))
