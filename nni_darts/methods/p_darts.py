"""P-DARTS (Chen, Xie, Wu, Tian, ICCV 2019): stages of growing depth and shrinking choice.

A network of 8 cells is searched for one of 20, which likes other operations. P-DARTS approaches that depth
in stages. After each of them every edge keeps the operations with the largest softmax(alpha), ``none``
among them, and the next stage begins anew with more cells, fresh weights and fresh alphas. Against the
advantage of skip connections their outputs are dropped out, element by element, at a rate that starts at p0
in every stage. With E epochs a stage, of which the first W train weights alone:

    p(e) = p0 (E - e - 1) / E  for e < W,    p(e) = p0 exp(-0.2 (e - W))  for e >= W,

so it falls, jumps back to p0 when the architecture begins to move, and falls again. After the last stage
the cell is derived as in DARTS, with at most two skip connections in the normal cell.

=====================  ==========================================================================
setting                official search (train_search.py)
=====================  ==========================================================================
cells                  5, 11, 17 of 16 channels
operations an edge     8, 5, 3; an edge that has fewer keeps them
epochs                 25 a stage (``search.epochs``), the first 10 for weights only
dropout p0             0.0, 0.4, 0.7 on CIFAR-10 in the paper, which are the defaults here, and 0.1,
                       0.2, 0.3 on CIFAR-100; 0.1, 0.4, 0.7 in the repository's command, 0 in its code
order                  first; batch 96
weights                lr 0.025 to 0 in every stage, momentum 0.9, decay 3e-4, clip 5
architecture           Adam 6e-4, betas (0.5, 0.999), decay 1e-3, gradient clipped at 5
=====================  ==========================================================================

On NAS-Bench-201 the network that is searched has the depth of the one that is trained, so that all stages
have it; its cell is of no type "normal", and skip connections are limited only if ``skip_limit_cell`` says
"cell".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.demand import Demand, demands
from nni_darts.parts.derivation import settled_weights
from nni_darts.parts.named import makes_part
from nni_darts.parts.phases import Arguments, Phase, Phases
from nni_darts.parts.skip_limit import SKIP, SkipLimit
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.structure import Structure
from search_spaces.operations import Identity

DECAY = 0.2
ARCH_CLIP = 5.0
LAYERS = [5, 11, 17]
KEEP = [5, 3]
DROPOUT = [0.0, 0.4, 0.7]


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


@demands(ONE_MASK)
@dataclass(frozen=True)
class Stages(Phases):
    """Deeper networks with fewer candidates."""

    layers: tuple[int, ...] | None
    keep: tuple[int, ...]
    dropout: tuple[float, ...]
    warmup_epochs: int | None

    @property
    def drops(self) -> bool:
        """Whether any stage drops something."""
        return any(self.dropout)

    def first(self, arguments: Arguments, structure: Structure) -> Phase:
        return Phase(0, self._depth(0, arguments))

    def after(self, phase: Phase, state: SearchState, arguments: Arguments) -> Phase | None:
        if phase.index == len(self.keep):
            return None
        kept = strongest_candidates(state, self.keep[phase.index])
        index = phase.index + 1
        return Phase(index, self._depth(index, arguments), kept)

    def recipe(self, phase: Phase, recipe: Recipe) -> Recipe:
        rate = self.dropout[phase.index]
        schedules = (*recipe.schedules, StageSchedule(Stage(self.warmup_epochs, rate)))
        edges = (*recipe.edges, SkipDropout(rate)) if rate else recipe.edges
        # What another method adds at the end comes once.
        tail = recipe.tail if phase.index == len(self.keep) else None
        return recipe.but(schedules=schedules, edges=edges, tail=tail)

    def outline(self, arguments: Arguments, structure: Structure) -> list[dict[str, Any]]:
        most = max(structure.sizes.values())
        counts = (most, *(min(count, most) for count in self.keep))
        return [
            {**self._depth(index, arguments), "candidates": count, "dropout": rate}
            for index, (count, rate) in enumerate(zip(counts, self.dropout, strict=True))
        ]

    def _depth(self, index: int, arguments: Arguments) -> dict[str, int]:
        """A space whose depth is no argument ``layers`` keeps it."""
        return {} if self.layers is None or "layers" not in arguments else {"layers": self.layers[index]}


def strongest_candidates(state: SearchState, keep: int) -> dict[str, list[Any]]:
    """Of every LayerChoice the ``keep`` candidates with the largest weights, in their own order.

    ``none`` competes like the others. Of equal ones the first goes, as in the official code.
    """
    kept = {}
    for label, row in settled_weights(state).items():
        choice = state.structure.choices[label]
        if choice.is_layer and len(choice.values) > keep:
            order = sorted(range(len(choice.values)), key=row.tolist().__getitem__)
            kept[label] = [choice.values[k] for k in sorted(order[len(order) - keep :])]
        elif choice.is_layer:
            kept[label] = list(choice.values)
    return kept


@method(
    "p-darts",
    summary="stages with more cells and fewer operations each, dropout after skip connections",
    paper="Progressive Differentiable Architecture Search (ICCV 2019)",
)
def p_darts(
    layers: Sequence[int] | None = LAYERS,
    keep: Sequence[int] = KEEP,
    dropout: Sequence[float] = DROPOUT,
    warmup_epochs: int | None = None,
    skip_limit: int | None = 2,
    skip_limit_cell: str = "normal",
) -> Recipe:
    """P-DARTS; one stage with all operations, no dropout, warm-up nor limit is first-order DARTS, clipped.

    Parameters
    ----------
    layers
        Cells in every stage, in place of ``space.args.layers``; null for the space's own in all of them.
    keep
        Operations that an edge keeps after each stage but the last: there is one stage more than numbers.
    dropout
        Where the rate of the dropout begins in every stage; 0 for none.
    warmup_epochs
        Epochs of every stage in which weights learn alone; null for two fifths of it, the official 10 of 25.
    skip_limit
        Most skip connections in a cell of the type ``skip_limit_cell``; null for any number.
    """
    problems, stages = [], len(keep) + 1
    if any(number < 1 for number in keep) or list(keep) != sorted(keep, reverse=True):
        problems.append(f"method.keep: got {list(keep)}; its numbers must be 1 or more, and never grow.")
    if layers is not None and (len(layers) != stages or any(number < 1 for number in layers)):
        problems.append(
            f"method.layers: got {list(layers)}; it must have a number of 1 or more for each of {stages} "
            "stages, one more than method.keep has numbers, or be null."
        )
    if len(dropout) != stages or not all(0 <= rate < 1 for rate in dropout):
        problems.append(
            f"method.dropout: got {list(dropout)}; it must have a rate of at least 0 and less than 1 for "
            f"each of {stages} stages, one more than method.keep has numbers."
        )
    if warmup_epochs is not None and warmup_epochs < 0:
        problems.append(f"method.warmup_epochs: got {warmup_epochs}; it must be 0 or more, or null.")
    if skip_limit is not None and skip_limit < 0:
        problems.append(f"method.skip_limit: got {skip_limit}; it must be 0 or more, or null.")
    if problems:
        raise ConfigError(*problems)
    phases = Stages(None if layers is None else tuple(layers), tuple(keep), tuple(dropout), warmup_epochs)
    return darts_first_order().but(
        phases=phases, derivation=SkipLimit(skip_limit, skip_limit_cell), outer_clip=ARCH_CLIP
    )
