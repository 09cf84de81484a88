"""A number that changes from epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState


@dataclass(frozen=True)
class Linear:
    """``start`` in epoch 0, ``stop`` in epoch ``span`` and afterwards, on a straight line between.

    ``span=None`` reaches ``stop`` in the last epoch of the search. The value is a number in float64 on the
    device of the search, so that a recorded step sees it change.
    """

    start: float
    stop: float
    span: int | None = None

    def __post_init__(self) -> None:
        if self.span is not None and self.span < 1:
            raise ConfigError(f"method.span: got {self.span}; it must be a number of epochs of at least 1.")

    def __call__(self, state: SearchState) -> Tensor:
        span = max(state.epochs - 1, 1) if self.span is None else self.span
        share = (state.clock / span).clamp(max=1)
        return self.start * (1 - share) + self.stop * share
