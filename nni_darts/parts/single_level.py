"""One loss for both levels: weights and architecture learn from the same batch and the same forward."""

from __future__ import annotations

import torch
from torch import Tensor

from nni_darts.parts.weight_step import descend
from nni_darts.state import SearchState


class SingleLevel:
    """One forward and backward of L_train; both levels then take their own step (SNAS, section 2.2).

    ``architect`` and ``weight_step`` of the same object stand in the two slots of a recipe. Where the
    architecture rests, the weight step is the usual one.
    """

    def __init__(self) -> None:
        self._found: list[tuple[Tensor, Tensor]] = []

    def architect(self, state: SearchState) -> list[Tensor]:
        """The architecture's share of the gradient; that of the weights is kept for their step."""
        weights = [weight for weight in state.objective.parameters() if weight.requires_grad]
        outer = state.outer_parameters
        found = torch.autograd.grad(state.joint_loss(), [*outer, *weights], allow_unused=True)
        pairs = zip(weights, found[len(outer) :], strict=True)
        self._found = [(weight, gradient) for weight, gradient in pairs if gradient is not None]
        return [
            torch.zeros_like(alpha) if gradient is None else gradient
            for alpha, gradient in zip(outer, found, strict=False)
        ]

    def weight_step(self, state: SearchState) -> None:
        """The step on the gradient that was found together with the architecture's."""
        found, self._found = self._found, []
        if not found:
            descend(state)
            return
        # Its gradient is the one found, so that clipping and the optimiser's step are those of any loss.
        state.step_weights(torch.stack([(weight * gradient).sum() for weight, gradient in found]).sum())
