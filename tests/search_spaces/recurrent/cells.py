"""A recurrent search cell on its own, as a supernet in float64."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.check.supernet import Classification
from nni_darts.darts import DARTS
from nni_darts.engine import SearchModule
from search_spaces.recurrent.cell import Masks
from search_spaces.recurrent.search_cell import RecurrentSearchCell


class CellSpace(ModelSpace):
    """A space of one recurrent cell; ``norm=False`` leaves its BatchNorm out."""

    def __init__(self, width: int, nodes: int, norm: bool = True) -> None:
        super().__init__()
        self.cell = RecurrentSearchCell(width, nodes)
        if not norm:
            self.cell.bn = nn.Identity()

    def forward(self, x: Tensor, hidden: Tensor, masks: Masks = Masks()) -> Tensor:  # noqa: B008
        return self.cell(x, hidden, masks)

    def nodes(self) -> dict[str, list[str]]:
        return self.cell.labels


def supernet_of(space: ModelSpace, kind: str, seed: int = 5) -> SearchModule:
    """The space as a supernet of this kind; weights and alphas far from their beginning."""
    strategy = DARTS(order=1, supernet=kind)
    model = strategy.mutate_model(space).double()
    search = strategy.configure_oneshot_module(Classification())
    search.set_model(model)
    search.relaxation.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*search.relaxation.alphas, *model.parameters()):
            tensor.normal_(generator=generator)
    return search


def uniform(search: SearchModule) -> None:
    """All candidates of an edge weigh the same."""
    with torch.no_grad():
        for alpha in search.relaxation.alphas:
            alpha.zero_()


def decided(search: SearchModule, sample: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Inside, every edge is the candidate of the sample; edges that it does not take are ``none``."""
    rows = {
        label: torch.tensor([float(value == sample[label]) for value in choice.values], dtype=torch.float64)
        for label, choice in search.state.structure.choices.items()
    }
    return search.state.weights.replaced(rows)
