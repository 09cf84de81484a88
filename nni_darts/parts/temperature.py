"""Schedules of a relaxation's temperature."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState


class Cooling:
    """Sets the temperature at the start of every epoch, such as by a :class:`~nni_darts.parts.ramp.Linear`.

    Raises
    ------
    ConfigError
        The relaxation has no temperature.
    """

    capturable = True

    def __init__(self, temperature: Callable[[SearchState], Tensor]) -> None:
        self.temperature = temperature

    def __call__(self, state: SearchState) -> None:
        held = getattr(state.relaxation, "temperature", None)
        if not isinstance(held, Tensor):
            raise ConfigError(
                f"method: Cooling needs a relaxation with a temperature; {type(state.relaxation).__name__} "
                "has none."
            )
        held.copy_(self.temperature(state))
