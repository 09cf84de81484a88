"""The step of this package: the ``training_step`` of the search module that the strategy builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step, hold_strategy
from nni_darts import DARTS
from search_spaces import DartsSpace

IMPLEMENTATIONS: dict[str, dict[str, Any]] = {
    "fused": {"supernet": "fused", "capture": "auto"},
    "eager": {"supernet": "fused", "capture": "off"},
    "generic": {"supernet": "generic", "capture": "off"},
}
"""Name -> options of the strategy. On a GPU ``fused`` is repeated as a CUDA graph, ``eager`` is not."""


def space_of(case: Case) -> DartsSpace:
    """The cell space in the case's sizes, laid out as the search stage does."""
    space = DartsSpace(
        init_channels=case.channels,
        layers=case.layers,
        nodes=case.nodes,
        primitives=case.primitives,
        image_size=(case.image_size, case.image_size),
    )
    space.to(memory_format=torch.channels_last)
    return space


def hold(case: Case, order: int, then: Callable[[Step], None], implementation: str = "fused") -> None:
    """``then(step)``: architecture step and clipped weight step of DARTS of that order."""
    torch.manual_seed(case.seed)
    hold_strategy(DARTS(order=order, **IMPLEMENTATIONS[implementation]), space_of(case), case, then)
