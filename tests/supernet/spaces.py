"""Spaces of the user's own, as an outsider would write them, for the tests of the supernet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nni
import torch
from nni.nas.nn.pytorch import (
    Cell,
    InputChoice,
    LayerChoice,
    ModelSpace,
    MutableConv2d,
    Repeat,
)
from torch import Tensor, nn

from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy


class Scale(nn.Module):
    """Multiplies by a number: outputs are known in closed form."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class One(ModelSpace):
    """A space around one module."""

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.inner = build()

    def forward(self, *inputs: Any) -> Any:
        return self.inner(*inputs)


def layers(label: str, *factors: float) -> LayerChoice:
    return LayerChoice({f"k{index}": Scale(factor) for index, factor in enumerate(factors)}, label=label)


class Everything(ModelSpace):
    """Every kind of choice in one network, nested and shared."""

    def __init__(self, in_channels: int = 1, num_classes: int = 3) -> None:
        super().__init__()
        width = nni.choice("width", [2, 4])
        self.stem = MutableConv2d(in_channels, width, 3, padding=1)
        self.widen = MutableConv2d(width, 4, 1)
        inner = LayerChoice([nn.Identity(), nn.Conv2d(4, 4, 3, padding=1)], label="inner.choice")
        self.layer = LayerChoice({"plain": nn.Conv2d(4, 4, 1), "nested": nn.Sequential(inner)}, label="layer")
        self.again = LayerChoice({"plain": nn.Conv2d(4, 4, 1), "nested": nn.Identity()}, label="layer")
        self.pick = InputChoice(3, 2, reduction="mean", label="pick")
        self.any = InputChoice(2, None, reduction="sum", label="any")
        self.deep = Repeat(lambda index: nn.Conv2d(4, 4, 1), (0, 2), label="depth")
        self.cell = Cell(
            {"conv": lambda *_: nn.Conv2d(4, 4, 1), "none": lambda *_: nn.Identity()},
            num_nodes=2,
            num_ops_per_node=2,
            num_predecessors=2,
            label="cell",
        )
        self.loose = Cell([nn.Conv2d(8, 8, 1), nn.ReLU()], 2, merge_op="loose_end", label="loose")
        self.head = nn.Linear(8, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.widen(self.stem(x))
        y = self.again(self.layer(x))
        z = self.deep(self.any([self.pick([x, y, x + y]), y]))
        states = self.loose(self.cell(z, y))
        return self.head(states.mean((2, 3)).unflatten(1, (-1, 8)).sum(1))  # one node or two


def supernet(space: ModelSpace, alphas: dict[str, list[float]] | None = None) -> tuple[ModelSpace, Any]:
    """The mutated space with given alphas, and its search module (without a trainer)."""
    strategy = DifferentiableStrategy(build_recipe("darts", order=1))
    model = strategy.mutate_model(space)
    search = strategy.configure_oneshot_module(nn.Module())
    search.relaxation.double()
    with torch.no_grad():
        for label, row in (alphas or {}).items():
            search.relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    return model, search
