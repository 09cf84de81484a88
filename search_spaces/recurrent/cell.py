"""What the recurrent cell of the search and that of a genotype share (DARTS, section 2.1 and appendix A.2).

Every state is a highway: the state that it comes from, partly replaced. With the masks of the dropout m_x
and m_h, the hidden state h' before, and products without bias,

    [c_0 | h_0] = [x m_x ; h' m_h] W_init,    s_0 = h' + sigmoid(c_0) (tanh(h_0) - h'),
    [c | h]     = (s_j m_h) W_node_i,         edge = s_j + sigmoid(c) (f(h) - s_j)     from state j to node i.

The masked state enters the product alone; what is carried on is not masked.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from search_spaces.recurrent.activations import Incoming
from search_spaces.recurrent.dropout import masked

INITIAL = 0.04
"""Weights begin uniform between minus and plus this (rnn/model.py)."""


class Masks(NamedTuple):
    """Of the input and of the states, [B, n]; None: nothing is dropped."""

    input: Tensor | None = None
    hidden: Tensor | None = None


class RecurrentCell(nn.Module):
    """Matrices and state 0; subclasses say how the nodes follow.

    Parameters
    ----------
    width
        Of a token's vector and of every state.
    nodes
        Each has one matrix for all its incoming edges; its columns are [gate, candidate].
    """

    def __init__(self, width: int, nodes: int) -> None:
        super().__init__()
        self.W_init = _matrix(2 * width, width)
        self.W_nodes = nn.ParameterList(_matrix(width, width) for _ in range(nodes))

    def forward(self, x: Tensor, hidden: Tensor, masks: Masks = Masks()) -> Tensor:  # noqa: B008
        """The outputs of all time steps, each the next one's hidden state, [T, B, n].

        Parameters
        ----------
        x
            Tokens' vectors, [T, B, n].
        hidden
            Before the first time step, [B, n].
        """
        return self.sequence(x, hidden, masks)

    def sequence(self, x: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Step by step; faster ways to the same result take this one's place."""
        outputs = []
        for token in x:
            hidden = self.step(token, hidden, masks)
            outputs.append(hidden)
        return torch.stack(outputs)

    def step(self, token: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """One time step: the output from the token's vector and the hidden state, all [B, n]."""
        raise NotImplementedError

    def initial(self, token: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """State 0, before any BatchNorm."""
        both = torch.cat([masked(token, masks.input), masked(hidden, masks.hidden)], -1)
        gate, candidate = gated(both @ self.W_init)
        return hidden + gate * (candidate.tanh() - hidden)

    def incoming(self, node: int, state: Tensor, masks: Masks) -> Incoming:
        """What arrives at the edge from a state to a node (from 1), [B, n] each."""
        return Incoming(state, *gated(masked(state, masks.hidden) @ self.W_nodes[node - 1]))


def gated(product: Tensor) -> tuple[Tensor, Tensor]:
    """Gate and candidate from the columns of a product."""
    gate, candidate = product.chunk(2, -1)
    return gate.sigmoid(), candidate


def _matrix(rows: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, 2 * width).uniform_(-INITIAL, INITIAL))
