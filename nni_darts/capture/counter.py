"""Lightning's count of optimiser steps, its "global step"."""

from __future__ import annotations

from typing import Any


class OptimizerSteps:
    """Of manual optimisation: Lightning counts in Python, which a repeated recording does not run."""

    def __init__(self, trainer: Any) -> None:
        self._progress = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress

    def read(self) -> int:
        """Steps so far."""
        return int(self._progress.total.completed)

    def advance(self, steps: int) -> None:
        """Count steps that were repeated."""
        for _ in range(steps):
            self._progress.increment_ready()
            self._progress.increment_completed()
