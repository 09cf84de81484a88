"""How strongly the inner problem is regularised: the decay of the network's weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.parts.demand import Demand, demands
from nni_darts.state import SearchState

CONFIGURED = "initial_weight_decay"
"""Where a group of the optimiser keeps the decay it was made with, as ``initial_lr`` its learning rate."""


ALONE = Demand(
    "to be the only schedule of the weights' decay",
    lambda company: sum(isinstance(part, ScaledDecay) for part in company.recipe.schedules) == 1,
)


@capturable
@demands(ALONE)
@dataclass(frozen=True)
class ScaledDecay:
    """The evaluator's weight decay times ``factor``, and times ``growth`` for every return of the search.

    It is the decay of the weight optimiser, which is of w alone and enters w' of the unrolled step. It
    follows from the decay that was configured, so that a search that is resumed has it too.

    Raises
    ------
    ConfigError
        The weight optimiser has no decay: nothing would be multiplied.
    """

    factor: float = 1.0
    growth: float = 1.0

    def __call__(self, state: SearchState) -> None:
        for group in state.optimizer().param_groups:
            if not group.get("weight_decay"):
                raise ConfigError(
                    f"search.weight_decay: got {group.get('weight_decay')}; the method multiplies it, so "
                    "it must be greater than 0, such as 3e-4."
                )
            configured = group.setdefault(CONFIGURED, group["weight_decay"])
            group["weight_decay"] = configured * self.factor * self.growth**state.returns


def decay_of(optimizer: Any) -> float:
    """The decay that an optimiser adds to gradients, the same for all its parameters; 0 for AdamW.

    Raises
    ------
    ConfigError
        Its groups differ.
    """
    groups = optimizer.param_groups
    found = {0.0 if g.get("decoupled_weight_decay") else float(g.get("weight_decay", 0)) for g in groups}
    if len(found) > 1:
        raise ConfigError(f"the groups of {type(optimizer).__name__} differ in their decay: {sorted(found)}.")
    return found.pop()
