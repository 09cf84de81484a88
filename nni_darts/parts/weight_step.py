"""The inner update: how the network's weights follow the training batch."""

from __future__ import annotations

import torch

from nni_darts.state import SearchState


def descend(state: SearchState) -> None:
    """One step of the evaluator's optimiser on the training batch, the architecture held fixed."""
    state.step_weights(state.training_loss())


def begin_anew(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Make it as good as a new optimiser of its kind, at ``factor`` times its first learning rate.

    All that it has accumulated (momentum, Adam's moments) is gone; decay, momentum and every other setting
    stay. The first rate is the one that a schedule started from, or without one the rate of now.
    """
    optimizer.state.clear()
    for group in optimizer.param_groups:
        group["lr"] = factor * group.get("initial_lr", group["lr"])
