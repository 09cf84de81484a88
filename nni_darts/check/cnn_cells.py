"""One search cell of every kind after every kind: output and gradients of alphas and inputs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor

from nni_darts.check.comparison import Comparison, close
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import edges, set_alphas, supernet, table
from nni_darts.check.weights import load_weights
from search_spaces.layout import Place
from search_spaces.search_cell import SearchCell

CHANNELS = 4


class OneCell(ModelSpace):
    """A space of one cell."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.cell = SearchCell(place)

    def forward(self, s0: Tensor, s1: Tensor) -> Tensor:
        return self.cell(s0, s1)

    def nodes(self) -> dict[str, list[str]]:
        """As in DartsSpace: edges are summed."""
        return self.cell.labels


def place_of(kind: str, previous: str, channels: int, s0: Tensor, s1: Tensor) -> Place:
    """Where a fixture's cell stands, from its kind, that of the cell before it, and its inputs."""
    reduction = kind == "reduction"
    return Place(
        kind="reduce" if reduction else "normal",
        channels=channels,
        channels_before_last=s0.shape[1],
        channels_last=s1.shape[1],
        reduction=reduction,
        reduction_prev=previous == "reduction",
    )


@checker("cnn_cells")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """``{kind}_after_{kind of the previous cell}``."""
    for name in fixture.folders():
        case = fixture.under(name)
        kind, previous = name.split("_after_")
        s0, s1 = case["s0"].requires_grad_(), case["s1"].requires_grad_()
        place = place_of(kind, previous, CHANNELS, s0, s1)
        search = supernet(OneCell(place))
        cell = search.model.cell
        load_weights(cell, case)
        set_alphas(search, place.kind, case["alpha"])
        out = search.model(s0, s1)
        probs = [search.state.weights[label] for label in edges(place.kind)]
        for prob in probs:
            prob.retain_grad()
        loss = (out * case["g"]).sum()
        loss.backward()
        assert s0.grad is not None and s1.grad is not None
        gradients = [alpha.grad for alpha in search.relaxation.alphas if alpha.grad is not None]
        yield close(f"{name} out", out, case["out"])
        yield close(f"{name} loss", loss, case["loss"])
        yield close(f"{name} d_alpha", table(search, place.kind, gradients), case["d_alpha"])
        yield close(
            f"{name} d_prob", torch.stack([p.grad for p in probs if p.grad is not None]), case["d_prob"]
        )
        yield close(f"{name} d_s0", s0.grad, case["d_s0"])
        yield close(f"{name} d_s1", s1.grad, case["d_s1"])
