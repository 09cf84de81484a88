"""Random search by plain sampling (DARTS, section 3.2): the baseline that every search has to beat.

Nothing is trained. One search trial draws one architecture; the selection stage trains each of them
briefly and keeps the best, as the paper does with 24 of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nni_darts.parts.demand import NO_OUTER_PENALTY, NOTHING_LEARNED, demands
from nni_darts.parts.paths import draw
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState


@demands(NOTHING_LEARNED)
def uniform(state: SearchState) -> dict[str, Any]:
    """An architecture drawn by the run's seed: the same one whenever it is asked for.

    Per node the edges are drawn uniformly without replacement and each gets a uniform operation other
    than ``none`` (the paper counts 7 operations for its random baseline).
    """
    generator = np.random.Generator(np.random.PCG64(torch.initial_seed()))
    return draw(state.structure, generator, none=False).sample()


@demands(NO_OUTER_PENALTY)
def leave(state: SearchState) -> list[Tensor]:
    """No gradient: there is no architecture to learn."""
    return [torch.zeros_like(alpha) for alpha in state.outer_parameters]


leave.learns = False  # type: ignore[attr-defined]


@demands(NOTHING_LEARNED)
def _rest(state: SearchState) -> None:
    """No weight moves."""


def _stand_still(state: SearchState) -> None:
    state.architecture_moves = False


@method(
    "random-search",
    summary="architectures drawn uniformly, nothing trained: the baseline",
    paper="DARTS: Differentiable Architecture Search (ICLR 2019), section 3.2",
)
def random_search() -> Recipe:
    """Uniform sampling; combine it with the selection stage."""
    return Recipe(
        architect=leave,
        weight_step=_rest,
        schedules=(_stand_still,),
        derivation=uniform,
    )
