"""The recurrent cell of the search: every edge a choice of activation, every node a choice of one input."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from nni.mutable import frozen_context, label_scope
from nni.nas.nn.pytorch import InputChoice, LayerChoice
from torch import Tensor, nn

from nni_darts.genotype.cell import RECURRENT
from nni_darts.genotype.names import ACTIVATIONS
from search_spaces.recurrent.activations import build
from search_spaces.recurrent.cell import Masks, RecurrentCell


class RecurrentSearchCell(RecurrentCell):
    """``edges["{j}_{i}"]`` chooses the activation from state j to node i, ``inputs["{i}"]`` the input.

    One BatchNorm without weights serves state 0 and all nodes at all time steps, so its running statistics
    mix what they see; the output is the mean of all nodes.

    Parameters
    ----------
    width
        Of a token's vector and of every state.
    nodes
        The paper has 8.
    primitives
        Candidates of every edge, in order.
    """

    def __init__(self, width: int, nodes: int = 8, primitives: Sequence[str] = ACTIVATIONS) -> None:
        super().__init__(width, nodes)
        self.bn = nn.BatchNorm1d(width, affine=False)
        self.edges = nn.ModuleDict()
        self.inputs = nn.ModuleDict()
        #: label of a node's input -> labels of the edges that make its candidates, in order
        self.labels: dict[str, list[str]] = {}
        # NNI's choices need a context for their dry run; inside a space there is one already.
        context = frozen_context() if frozen_context.current() is None else nullcontext()
        with context, label_scope(RECURRENT):
            for node in range(1, 1 + nodes):
                self._add_node(node, primitives)

    def _add_node(self, node: int, primitives: Sequence[str]) -> None:
        sources = []
        for source in range(node):
            candidates = OrderedDict((name, build(name)) for name in primitives)
            edge = LayerChoice(candidates, label=f"edge_{source}_{node}")
            self.edges[f"{source}_{node}"] = edge
            sources.append(str(edge.label))
        choose = InputChoice(node, n_chosen=1, reduction="sum", label=f"input_{node}")
        self.inputs[str(node)] = choose
        self.labels[str(choose.label)] = sources

    def step(self, token: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Edge by edge, candidate by candidate."""
        states = [self.bn(self.initial(token, hidden, masks))]
        for name, choose in self.inputs.items():
            edges = [
                self.edges[f"{source}_{name}"](self.incoming(int(name), state, masks))
                for source, state in enumerate(states)
            ]
            states.append(self.bn(choose(edges)))
        return torch.stack(states[1:]).mean(0)
