"""What changes between epochs. A schedule is called once at the start of every epoch."""

from __future__ import annotations

from dataclasses import dataclass

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState


@dataclass(frozen=True)
class WarmUp:
    """Train the weights alone for the first ``epochs`` epochs."""

    epochs: int

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise ConfigError(f"search.warmup_epochs: got {self.epochs}; it must be 0 or more.")

    def __call__(self, state: SearchState) -> None:
        state.architecture_moves = state.architecture_moves and state.epoch >= self.epochs
