"""What takes time, measured once an epoch and kept, in checkpoints too."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from nni_darts.diagnostics.discretisation import discretised, gap
from nni_darts.diagnostics.options import Diagnostics, is_due
from nni_darts.parts.eigenvalue import ITERATIONS, largest_eigenvalue, largest_eigenvalue_by_products
from nni_darts.state import SearchState
from nni_darts.training.random_state import kept_random_state


class Measurements:
    """The measurements of the current epoch.

    Parameters
    ----------
    wanted
        What is measured, and how often.

    Attributes
    ----------
    values
        What has been measured in this epoch.
    discretisation_due
        Whether the supernet has to be cut down once the validation of this epoch is over.
    """

    def __init__(self, wanted: Diagnostics) -> None:
        self.wanted = wanted
        self.values: dict[str, float] = {}
        self.discretisation_due = False

    def begin_epoch(self) -> None:
        """Forget the epoch before."""
        self.values, self.discretisation_due = {}, False

    def after_training(self, state: SearchState, epoch: int, last: bool) -> None:
        """After an epoch's last step, on the batches of which the eigenvalue is measured."""
        self.discretisation_due = is_due(self.wanted.discretisation_every, epoch, last)
        if is_due(self.wanted.eigenvalue_every, epoch, last):
            with kept_random_state():
                self._keep({"hessian_eigenvalue": eigenvalue(state)})

    def after_validation(
        self,
        state: SearchState,
        sample: dict[str, Any],
        metrics: dict[str, float],
        validating: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        """Once ``metrics`` holds what the evaluator found in validation."""
        if self.discretisation_due:
            self.discretisation_due = False
            if "valid_loss" in metrics or "valid_accuracy" in metrics:
                with kept_random_state():
                    self._keep(gap(metrics, discretised(state, sample, validating)))

    def _keep(self, numbers: dict[str, float]) -> None:
        # NNI takes no NaN, and a number that is none says nothing.
        self.values.update((key, value) for key, value in numbers.items() if math.isfinite(value))

    def state_dict(self) -> dict[str, Any]:
        """Plain values, which a checkpoint may hold."""
        return {"values": dict(self.values), "discretisation_due": self.discretisation_due}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self.values = dict(content["values"])
        self.discretisation_due = content["discretisation_due"]


def eigenvalue(state: SearchState) -> float:
    """The largest one of the validation loss's Hessian in all architecture parameters, on one batch.

    By power iteration, or from the whole Hessian where that takes fewer backwards than the iteration may.
    """
    count = sum(parameter.numel() for parameter in state.outer_parameters)
    return (largest_eigenvalue if count <= ITERATIONS else largest_eigenvalue_by_products)(state)
