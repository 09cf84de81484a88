"""The recurrent cell of a genotype: no BatchNorm, no mixture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nni_darts.genotype import RecurrentGenotype
from nni_darts.genotype.cell import RECURRENT
from nni_darts.supernet.recurrent.native import is_native
from nni_darts.supernet.recurrent.sequence import run_sequence
from nni_darts.supernet.recurrent.wiring import ACTIVATIONS, Wiring
from search_spaces.recurrent.activations import build
from search_spaces.recurrent.cell import Masks, RecurrentCell


class DiscreteRecurrentCell(RecurrentCell):
    """Node i comes from one state by one activation; the output is the mean of the genotype's nodes."""

    def __init__(self, genotype: RecurrentGenotype, width: int) -> None:
        pairs: Sequence[tuple[str, int]] = genotype.edges(RECURRENT)
        super().__init__(width, len(pairs))
        self.pairs = pairs
        self.edges = nn.ModuleList(build(name) for name, _ in pairs)
        self.concat = genotype.concat(RECURRENT)
        self.wiring = Wiring(tuple((source,) for _, source in pairs), self.concat)

    def sequence(self, x: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """All time steps at once where there are kernels, for which a genotype is a decided mixture."""
        if not is_native(x):
            return super().sequence(x, hidden, masks)
        weights = x.new_tensor([[float(name == kind) for kind in ACTIVATIONS] for name, _ in self.pairs])
        return run_sequence(self, self.wiring, x, hidden, masks, weights).outputs

    def step(self, token: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Node by node."""
        states = [self.initial(token, hidden, masks)]
        for node, ((_, source), edge) in enumerate(zip(self.pairs, self.edges, strict=True), start=1):
            states.append(edge(self.incoming(node, states[source], masks)))
        return torch.stack([states[node] for node in self.concat]).mean(0)
