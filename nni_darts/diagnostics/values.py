"""Where the architecture stands, candidate by candidate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nni_darts.state import SearchState

ByChoice = dict[str, dict[Any, float]]
"""Label -> candidate -> number."""


@torch.no_grad()
def mixture_of(state: SearchState) -> ByChoice:
    """The weights as they are reported, what is decided included."""
    return _by_choice(state, state.weights.gates(state.relaxation.probabilities()).__getitem__)


def alphas_of(state: SearchState) -> ByChoice:
    """The architecture parameters."""
    return _by_choice(state, state.relaxation.alpha)


def _by_choice(state: SearchState, values_of: Callable[[str], Tensor]) -> ByChoice:
    return {
        label: dict(zip(choice.values, values_of(label).tolist(), strict=True))
        for label, choice in state.structure.choices.items()
    }
