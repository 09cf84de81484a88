"""One cell of the search network: every edge a choice of operation, every node a choice of two inputs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from nni.mutable import frozen_context, label_scope
from nni.nas.nn.pytorch import InputChoice, LayerChoice
from torch import Tensor, nn

from nni_darts.genotype import PRIMITIVES
from nni_darts.genotype.candidates import Edge
from search_spaces.layout import Place
from search_spaces.operations import FactorizedReduce, ReLUConvBN, build

Candidates = Sequence[str] | Mapping[Edge, Sequence[str]]


class SearchCell(nn.Module):
    """``edges["{j}_{i}"]`` chooses the operation from state j to node i, ``inputs["{i}"]`` the inputs.

    Both are looked up at every forward, so whatever replaces them in these containers is what runs. The
    cell can be built on its own, outside a space, too.

    Parameters
    ----------
    place
        Type, channels and neighbours of the cell.
    nodes
        Number of intermediate nodes; all are concatenated.
    primitives
        Candidates in order: the same for every edge, or (source, node) -> those of this edge.
    """

    def __init__(self, place: Place, nodes: int = 4, primitives: Candidates = PRIMITIVES) -> None:
        super().__init__()
        preprocess = FactorizedReduce if place.reduction_prev else ReLUConvBN
        self.pre0 = preprocess(place.channels_before_last, place.channels, affine=False)
        self.pre1 = ReLUConvBN(place.channels_last, place.channels, affine=False)
        self.edges = nn.ModuleDict()
        self.inputs = nn.ModuleDict()
        #: label of a node's inputs -> labels of the edges that make its candidates, in order
        self.labels: dict[str, list[str]] = {}
        # NNI's choices need a context for their dry run; inside a space there is one already.
        context = frozen_context() if frozen_context.current() is None else nullcontext()
        with context, label_scope(place.kind):
            for node in range(2, 2 + nodes):
                row = [_offered(primitives, source, node) for source in range(node)]
                self._add_node(node, place, row)

    def _add_node(self, node: int, place: Place, row: Sequence[Sequence[str]]) -> None:
        sources = []
        for source, names in enumerate(row):
            stride = 2 if place.reduction and source < 2 else 1
            candidates = OrderedDict(
                (name, build(name, place.channels, stride, affine=False, search=True)) for name in names
            )
            edge = LayerChoice(candidates, label=f"edge_{source}_{node}")
            self.edges[f"{source}_{node}"] = edge
            sources.append(str(edge.label))
        choose = InputChoice(node, n_chosen=2, reduction="sum", label=f"input_{node}")
        self.inputs[str(node)] = choose
        self.labels[str(choose.label)] = sources

    def forward(self, s0: Tensor, s1: Tensor) -> Tensor:
        """Concatenated nodes from the outputs of the cells before last and last."""
        return torch.cat(self.node_states([self.pre0(s0), self.pre1(s1)]), dim=1)

    def node_states(self, states: list[Tensor]) -> list[Tensor]:
        """The nodes from the two inputs, edge by edge; the fused supernet puts its own way in this place."""
        states = list(states)
        for name, choose in self.inputs.items():
            states.append(choose([self.edges[f"{j}_{name}"](state) for j, state in enumerate(states)]))
        return states[2:]


def _offered(primitives: Candidates, source: int, node: int) -> Sequence[str]:
    return primitives[source, node] if isinstance(primitives, Mapping) else primitives
