"""Schedules of a relaxation's temperature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from nni_darts.config.section import Count, Positive
from nni_darts.parts.demand import TEMPERATURE, demands
from nni_darts.parts.named import makes_part
from nni_darts.parts.ramp import Linear
from nni_darts.state import SearchState


@demands(TEMPERATURE)
class Cooling:
    """Sets the temperature at the start of every epoch, as a :class:`~nni_darts.parts.ramp.Linear` says."""

    capturable = True

    def __init__(self, temperature: Callable[[SearchState], Tensor]) -> None:
        self.temperature = temperature

    def __call__(self, state: SearchState) -> None:
        relaxation: Any = state.relaxation
        relaxation.temperature.copy_(self.temperature(state))


@makes_part
def cooling(start: Positive = 1.0, stop: Positive = 0.03, span: Count | None = None) -> Cooling:
    """The temperature on a line from ``start`` to ``stop``, reached in epoch ``span``, or in the last one."""
    return Cooling(Linear(start, stop, span))
