"""One loss for both levels: weights and architecture learn from the same batch and the same forward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nni_darts.parts.demand import NO_OUTER_PENALTY, Demand, demands
from nni_darts.parts.named import makes_part
from nni_darts.parts.weight_step import descend
from nni_darts.state import SearchState

BOTH = Demand(
    "to fill both architect and weight_step",
    lambda company: (
        company.recipe.architect == company.part.__self__.architect
        and company.recipe.weight_step == company.part.__self__.weight_step
    ),
)


class SingleLevel:
    """One forward and backward of L_train; both levels then take their own step (SNAS, section 2.2).

    ``architect`` and ``weight_step`` of the same object stand in the two slots of a recipe. Where the
    architecture rests, the weight step is the usual one.
    """

    def __init__(self) -> None:
        self._found: list[tuple[Tensor, Tensor]] = []

    @demands(BOTH, NO_OUTER_PENALTY)
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

    architect.one_level = True  # type: ignore[attr-defined]

    @demands(BOTH)
    def weight_step(self, state: SearchState) -> None:
        """The step on the gradient that was found together with the architecture's."""
        found, self._found = self._found, []
        if not found:
            descend(state)
            return
        # Its gradient is the one found, so that clipping and the optimiser's step are those of any loss.
        state.step_weights(torch.stack([(weight * gradient).sum() for weight, gradient in found]).sum())


@makes_part
def single_level() -> dict[str, Any]:
    """One forward and backward of L_train for weights and architecture (SNAS)."""
    together = SingleLevel()
    return {"architect": together.architect, "weight_step": together.weight_step}
