"""The cell of NAS-Bench-201: four states, an edge from every state to every later one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext

from nni.mutable import frozen_context, label_scope
from nni.nas.nn.pytorch import LayerChoice
from torch import Tensor, nn

from nni_darts.genotype.nasbench201 import EDGES, NODES, OPERATIONS, SCOPE, BenchmarkCell, edge_label
from search_spaces.nasbench201.operations import Norms, build


class SummingCell(nn.Module):
    """``edges["{j}_{i}"]`` leads from state j to i; a state is the sum of its edges, the last one the output.

    Edges are looked up at every forward, so whatever replaces them in this container is what runs.
    """

    def __init__(self, edge: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.edges = nn.ModuleDict({f"{source}_{node}": edge(source, node) for source, node in EDGES})

    def forward(self, x: Tensor) -> Tensor:
        """The last state from the first."""
        return self.node_states([x])[-1]

    def node_states(self, states: list[Tensor]) -> list[Tensor]:
        """The states after the first."""
        states = list(states)
        for node in range(1, NODES):
            incoming = [self.edges[f"{source}_{node}"](states[source]) for source in range(node)]
            states.append(sum(incoming[1:], incoming[0]))
        return states[1:]


def search_cell(channels: int, norms: Norms) -> SummingCell:
    """A cell whose edges choose their operation; cells share the choices by label."""

    def choice(source: int, node: int) -> nn.Module:
        candidates = OrderedDict((name, build(name, channels, norms)) for name in OPERATIONS)
        return LayerChoice(candidates, label=edge_label(source, node).removeprefix(f"{SCOPE}/"))

    # NNI's choices need a context for their dry run; inside a space there is one already.
    context = frozen_context() if frozen_context.current() is None else nullcontext()
    with context, label_scope(SCOPE):
        return SummingCell(choice)


def discrete_cell(cell: BenchmarkCell, channels: int, norms: Norms) -> SummingCell:
    """A cell of chosen operations."""
    return SummingCell(lambda source, node: build(cell.on(source, node), channels, norms))
