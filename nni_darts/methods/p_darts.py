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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.demand import demands
from nni_darts.parts.derivation import strongest_candidates
from nni_darts.parts.phases import Arguments, Phase, Phases
from nni_darts.parts.skip_dropout import ONE_MASK, SkipDropout, Stage, StageSchedule
from nni_darts.parts.skip_limit import SkipLimit
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Structure

ARCH_CLIP = 5.0
LAYERS = [5, 11, 17]
KEEP = [5, 3]
DROPOUT = [0.0, 0.4, 0.7]


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
