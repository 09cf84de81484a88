"""The step of this package: the ``training_step`` of the search module that the strategy builds."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step, hold_strategy
from nni_darts import DARTS
from search_spaces import DartsSpace


def space_of(case: Case) -> DartsSpace:
    """The cell space in the case's sizes, laid out as the search stage does."""
    space = DartsSpace(
        init_channels=case.channels,
        layers=case.layers,
        nodes=case.nodes,
        primitives=case.primitives,
        image_size=(case.image_size, case.image_size),
    )
    if case.kind == "cpu":
        space.to(memory_format=torch.channels_last)
    return space


def hold(case: Case, order: int, then: Callable[[Step], None], supernet: str = "fused") -> None:
    """``then(step)``: architecture step and clipped weight step of DARTS of that order."""
    torch.manual_seed(case.seed)
    hold_strategy(DARTS(order=order, supernet=supernet), space_of(case), case, then)
