"""What a recurrent cell computes, as numbers: the same for a mixture and for a genotype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from torch import Tensor

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")
"""Columns of an edge's weights."""


@dataclass(frozen=True)
class Wiring:
    """States 0 to k, of which 0 is computed from token and hidden state, and the edges between them.

    Attributes
    ----------
    sources
        For node 1, 2, ... the states that its edges come from, ascending. Rows of weights are in this order,
        node by node.
    outputs
        Nodes whose mean is the output.
    """

    sources: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.sources)

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Number of each node's first row of weights, and of the row after the last."""
        ends = [0]
        for sources in self.sources:
            ends.append(ends[-1] + len(sources))
        return tuple(ends)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The nodes so that those that read one state stand side by side.

        There is such an order where nodes read all states before them, and where they read one each.
        """
        return tuple(sorted(range(1, self.nodes + 1), key=lambda node: self.sources[node - 1][0]))

    @cached_property
    def readers(self) -> tuple[range, ...]:
        """For every state the places in the order of the nodes that read it."""
        found = []
        for state in range(self.nodes + 1):
            places = [place for place, node in enumerate(self.order) if state in self.sources[node - 1]]
            span = range(places[0], places[-1] + 1) if places else range(0)
            assert list(span) == places
            found.append(span)
        return tuple(found)


class Matrices(NamedTuple):
    """The hidden state's half of W_init, [n, 2n], and every node's, [n, 2n] each."""

    hidden: Tensor
    nodes: Sequence[Tensor]


@dataclass(frozen=True)
class Norm:
    """The BatchNorm after every state.

    Attributes
    ----------
    given
        Mean and variance to normalise by; None: those of the batch.
    """

    eps: float
    given: tuple[Tensor, Tensor] | None = None


class Found(NamedTuple):
    """Outputs [T, B, n]; mean and biased variance of every state, [T * (k + 1), n] in the order of computing.

    The statistics are None where there is no BatchNorm or it was given some.
    """

    outputs: Tensor
    mean: Tensor | None
    variance: Tensor | None
