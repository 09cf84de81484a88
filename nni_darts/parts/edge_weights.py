"""Weights of whole edges beside those of their operations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_darts.capture import capturable
from nni_darts.parts.demand import Demand, demands
from nni_darts.parts.relaxation import INITIAL_SCALE, Softmax
from nni_darts.parts.requirement import NODES, requires
from nni_darts.supernet.structure import Structure

EdgePlace = tuple[str, int]
"""Where an edge's weight stands: under which label of the mixture, and at which position."""


def edge_places(structure: Structure) -> dict[str, EdgePlace]:
    """Label of every edge that leads to a node -> the place of its weight."""
    return {
        edge: (f"incoming edges of node {number}", position)
        for number, node in enumerate(structure.nodes)
        for position, edge in enumerate(node.edges)
    }


WEIGHED = Demand(
    "a part of edges that weighs edges, such as partial-channels",
    lambda company: any(getattr(part, "edge_weights", False) for part in company.recipe.edges),
)


@capturable
@requires(NODES)
@demands(WEIGHED)
class EdgeNormalised(Softmax):
    """A softmax over the operations of every edge, and one over the incoming edges of every node.

    Cells that share their alphas share their betas. Edges are ranked by the product of both (PC-DARTS,
    section 3.3).
    """

    def prepare(self, structure: Structure) -> None:
        """Draw one beta per edge, after all alphas."""
        self.places = edge_places(structure)
        self.betas = nn.ParameterList(
            INITIAL_SCALE * torch.randn(len(node.edges)) for node in structure.nodes
        )
        self._nodes = list(dict.fromkeys(label for label, _ in self.places.values()))

    def beta(self, edge: str) -> nn.Parameter:
        """The logits of the edges among which an edge is, shape ``[edges of its node]``."""
        return self.betas[self._nodes.index(self.places[edge][0])]

    def forward(self) -> dict[str, Tensor]:
        """Label -> weights of its candidates; label of a node's edges -> weights of the edges."""
        of_edges = {
            label: torch.softmax(beta, dim=-1) for label, beta in zip(self._nodes, self.betas, strict=True)
        }
        return {**super().forward(), **of_edges}

    def probabilities(self) -> dict[str, Tensor]:
        """Label -> weights of its candidates, times that of the edge where it is one."""
        weights = self()
        found = {label: weights[label] for label in self.labels}
        for edge, (label, position) in self.places.items():
            found[edge] = weights[edge] * weights[label][position]
        return found
