"""Dropout behind skip connections, strongest when the architecture begins to move (P-DARTS, section 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.parts.demand import Demand, demands
from nni_darts.parts.named import makes_part
from nni_darts.parts.skip_limit import SKIP
from nni_darts.state import SearchState
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.structure import Structure
from search_spaces.operations import Identity

DECAY = 0.2
"""Of the rate's logarithm, an epoch."""


class DroppedSkip(nn.Module):
    """A skip connection with dropout behind it: each element is 0 with probability ``rate``.

    ``rate`` is a tensor, so that a recorded step follows it.
    """

    rate: Tensor

    def __init__(self, operation: nn.Module, rate: float) -> None:
        super().__init__()
        self.operation = operation
        self.register_buffer("rate", torch.tensor(rate))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.operation(x)
        if not self.training:
            return y
        # In the buffer's precision: bfloat16 has no number near enough to most rates.
        kept = torch.rand_like(y, dtype=self.rate.dtype) >= self.rate
        return y * kept / (1 - self.rate)


ONE_MASK = Demand(
    "an architect without finite differences, whose passes would differ by what is dropped",
    lambda company: not company.part.drops or not getattr(company.recipe.architect, "compares_passes", False),
)


@capturable
@demands(ONE_MASK)
@dataclass(frozen=True)
class SkipDropout:
    """Put dropout behind skip connections that change nothing; those with stride 2 stay as they are."""

    rate: float
    drops: ClassVar[bool] = True

    def __call__(self, layer: MixedLayer, structure: Structure) -> MixedLayer:
        if SKIP in layer.names and isinstance(layer[SKIP], Identity | nn.Identity):
            layer.add_module(SKIP, DroppedSkip(layer[SKIP], self.rate))
        return layer


@dataclass(frozen=True)
class Stage:
    """The weights-only epochs of a stage, None for two fifths of them, and its dropout."""

    warmup_epochs: int | None
    dropout: float

    def warmup(self, epochs: int) -> int:
        """W of a stage of so many epochs."""
        return epochs * 2 // 5 if self.warmup_epochs is None else self.warmup_epochs

    def rate(self, epoch: int, epochs: int) -> float:
        """p(e)."""
        first = self.warmup(epochs)
        if epoch < first:
            return self.dropout * (epochs - epoch - 1) / epochs
        return self.dropout * math.exp(-DECAY * (epoch - first))


@capturable
@dataclass(frozen=True)
class StageSchedule:
    """Warm-up and dropout of one stage."""

    stage: Stage

    def __call__(self, state: SearchState) -> None:
        moves = state.epoch >= self.stage.warmup(state.epochs)
        state.architecture_moves = state.architecture_moves and moves
        rate = self.stage.rate(state.epoch, state.epochs)
        state.report["skip_dropout"] = rate
        for module in state.objective.modules():
            if isinstance(module, DroppedSkip):
                module.rate.fill_(rate)


@makes_part
def skip_dropout(rate: float = 0.7, warmup_epochs: int | None = None) -> dict[str, Any]:
    """The dropout of a stage for another method: ``rate`` is p0, and weights alone learn in W epochs."""
    if not 0 <= rate < 1:
        raise ConfigError(f"method.rate: got {rate}; it must be at least 0 and less than 1.")
    stage = Stage(warmup_epochs, rate)
    return {"edges": (SkipDropout(rate),) if rate else (), "schedules": StageSchedule(stage)}
