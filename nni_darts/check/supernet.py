"""A supernet in float64 with the fixtures' tables of alphas, [edges, operations] for each type of cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from nni.nas.evaluator.pytorch import LightningModule
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.darts import DARTS
from nni_darts.engine import SearchModule
from nni_darts.genotype.cell import RECURRENT
from nni_darts.genotype.sample import edge_label
from nni_darts.strategy import DifferentiableStrategy

KINDS = ("normal", "reduce")

_IMPLEMENTATION: ContextVar[str] = ContextVar("implementation", default="generic")


@contextmanager
def implementation(name: str) -> Iterator[None]:
    """Supernets that are built inside are of this implementation: auto, fused or generic."""
    token = _IMPLEMENTATION.set(name)
    try:
        yield
    finally:
        _IMPLEMENTATION.reset(token)


def current() -> str:
    """The implementation that is to be checked."""
    return _IMPLEMENTATION.get()


def darts(order: int) -> DARTS:
    """The strategy, with the implementation that is to be checked."""
    return DARTS(order=order, gradient_clip_val=5.0, supernet=current())


class Classification(LightningModule):
    """Cross entropy of the model's logits; SGD as the fixture says, with its momentum buffers."""

    def __init__(self, optimizer: torch.optim.SGD | None = None) -> None:
        super().__init__()
        self.sgd = optimizer
        self.losses: list[float] = []
        self.norms: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        x, y = batch
        loss = nn.functional.cross_entropy(self.model(x), y)
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> torch.optim.SGD | None:
        return self.sgd

    def configure_gradient_clipping(self, optimizer: Any, *clip: Any, **named: Any) -> None:
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self.norms.append(float(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients]))))
        super().configure_gradient_clipping(optimizer, *clip, **named)


def supernet(
    space: ModelSpace,
    training_module: Classification | None = None,
    strategy: DifferentiableStrategy | None = None,
) -> SearchModule:
    """The space as a supernet, inside the search module that would train it; by default for DARTS."""
    strategy = strategy or darts(order=1)
    model = strategy.mutate_model(space).double()
    search = strategy.configure_oneshot_module(training_module or Classification())
    search.set_model(model)
    search.relaxation.double()
    return search


def edges(kind: str, nodes: int | None = None) -> list[str]:
    """Labels of a cell type's edges in the order of the fixtures' rows; 4 nodes by default, recurrent 8."""
    first, usual = (1, 8) if kind == RECURRENT else (2, 4)
    targets = range(first, first + (nodes or usual))
    return [edge_label(kind, source, node) for node in targets for source in range(node)]


def set_alphas(search: SearchModule, kind: str, table: Tensor) -> None:
    """Fill the alphas of one cell type, ``table`` [14, 8] or [36, 5]."""
    with torch.no_grad():
        for label, row in zip(edges(kind), table, strict=True):
            search.relaxation.alpha(label).copy_(row)


def table(search: SearchModule, kind: str, values: Sequence[Tensor] | None = None) -> Tensor:
    """The alphas of one cell type, or what ``values`` holds for each of them, one row an edge."""
    values = list(search.relaxation.alphas) if values is None else values
    by_label = dict(zip(search.relaxation.labels, values, strict=True))
    return torch.stack([by_label[label].detach() for label in edges(kind)])
