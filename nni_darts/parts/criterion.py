"""How bad the supernet is as it is: what a decision about it compares. Larger is worse."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nni_darts.parts.measure import Measured, measure
from nni_darts.state import SearchState


def error(state: SearchState) -> float:
    """Minus the accuracy on the validation half, or on texts minus the share of words that it guesses.

    BatchNorm takes the statistics of the batch, as in training: the running ones are those of another
    mixture. They and the random generators come back, so that every candidate meets the same numbers.
    """
    return -_measured(state).accuracy


def loss(state: SearchState) -> float:
    """The loss on the validation half, measured like :func:`error`."""
    return _measured(state).loss


CRITERIA: dict[str, Callable[[SearchState], float]] = {"accuracy": error, "loss": loss}


def _measured(state: SearchState) -> Measured:
    device = state.clock.device
    generators = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(generators), state.restored_statistics():
        return measure(state, state.validation())
