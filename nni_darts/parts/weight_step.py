"""The inner update: how the network's weights follow the training batch."""

from __future__ import annotations

from nni_darts.state import SearchState


def descend(state: SearchState) -> None:
    """One step of the evaluator's optimiser on the training batch, the architecture held fixed."""
    state.step_weights(state.training_loss())
