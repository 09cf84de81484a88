"""The same cell as a generic and as a fused supernet in float64, and their largest relative difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.check.supernet import Classification
from nni_darts.darts import DARTS
from nni_darts.engine import SearchModule
from nni_darts.genotype import PRIMITIVES
from search_spaces.layout import Place
from search_spaces.search_cell import SearchCell

CHANNELS = 3
PLACES = {
    "normal": Place("normal", CHANNELS, 6, 12, False, False),
    "normal after reduction": Place("normal", CHANNELS, 6, 12, False, True),
    "reduction": Place("reduce", CHANNELS, 6, 6, True, False),
    "reduction after reduction": Place("reduce", CHANNELS, 4, 6, True, True),
}


class CellSpace(ModelSpace):
    """A space of one cell; ``change`` may alter the cell before it becomes a supernet."""

    def __init__(
        self,
        place: Place,
        nodes: int = 4,
        primitives: Sequence[str] = PRIMITIVES,
        change: Callable[[SearchCell], None] | None = None,
    ) -> None:
        super().__init__()
        self.cell = SearchCell(place, nodes, primitives)
        if change is not None:
            change(self.cell)

    def forward(self, s0: Tensor, s1: Tensor) -> Tensor:
        return self.cell(s0, s1)

    def nodes(self) -> dict[str, list[str]]:
        return self.cell.labels


def search_module(space: ModelSpace, kind: str) -> SearchModule:
    """The space as a supernet of this kind, alphas and running statistics far from their beginning."""
    strategy = DARTS(order=1, supernet=kind)
    model = strategy.mutate_model(space).double()
    search = strategy.configure_oneshot_module(Classification())
    search.set_model(model)
    search.relaxation.double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for alpha in search.relaxation.alphas:
            alpha.normal_(generator=generator)
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(generator=generator)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0, generator=generator)
    return search


def pair(place: str, **cell: Any) -> tuple[SearchModule, SearchModule]:
    """Generic and fused, with equal weights, alphas and statistics."""
    generic, fused = (search_module(CellSpace(PLACES[place], **cell), kind) for kind in ("generic", "fused"))
    return generic, fused


def inputs(place: str, side: int = 6, batch: int = 3) -> list[Tensor]:
    """What the cells before it bring to the cell."""
    torch.manual_seed(11)
    where = PLACES[place]
    first = side * 2 if where.reduction_prev else side
    return [
        torch.randn(batch, where.channels_before_last, first, first, dtype=torch.float64),
        torch.randn(batch, where.channels_last, side, side, dtype=torch.float64),
    ]


@dataclass
class Results:
    """One forward and backward, and what it left behind."""

    out: Tensor
    gradients: dict[str, Tensor]
    buffers: dict[str, Tensor]


def results(search: SearchModule, images: Sequence[Tensor]) -> Results:
    """Output, all gradients by name, and the buffers afterwards."""
    images = [image.clone().requires_grad_() for image in images]
    named = {
        **{f"input {index}": image for index, image in enumerate(images)},
        **{f"alpha {label}": search.relaxation.alpha(label) for label in search.relaxation.labels},
        **dict(search.model.named_parameters()),
    }
    out = search.model(*images)
    # A fixed, uneven weighting: no gradient can vanish by symmetry.
    loss = (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out).sin()).sum()
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    gradients = {
        name: torch.zeros_like(tensor) if gradient is None else gradient
        for (name, tensor), gradient in zip(named.items(), found, strict=True)
    }
    return Results(out.detach(), gradients, {k: b.clone() for k, b in search.model.named_buffers()})


def assert_equal(generic: Results, fused: Results) -> None:
    """Outputs and statistics to 1e-12, gradients to 1e-9 of their largest entry."""
    assert distance(generic.out, fused.out) < 1e-12
    assert generic.gradients.keys() == fused.gradients.keys()
    assert generic.buffers.keys() == fused.buffers.keys()
    worst = {n: distance(generic.gradients[n], fused.gradients[n]) for n in generic.gradients}
    assert {name: error for name, error in worst.items() if not error < 1e-9} == {}
    worst = {n: distance(generic.buffers[n], fused.buffers[n]) for n in generic.buffers}
    assert {name: error for name, error in worst.items() if not error < 1e-12} == {}


def distance(want: Tensor, got: Tensor) -> float:
    """max|got - want| / max|want|; absolute where ``want`` is all zero."""
    want, got = want.double(), got.double()
    return float((got - want).abs().max() / (want.abs().max() or 1.0))


def affine_edges(cell: SearchCell) -> None:
    """Give weights to all BatchNorms of the edges but those of the pools."""
    for name, module in list(cell.edges.named_modules()):
        for child, norm in list(module.named_children()):
            if isinstance(norm, nn.BatchNorm2d) and "pool" not in name:
                setattr(module, child, nn.BatchNorm2d(norm.num_features))
