"""InputChoice in the supernet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nni.nas.nn.pytorch import InputChoice
from nni.nas.oneshot.pytorch.supermodule._expression_utils import weighted_sum

from nni_darts.errors import ConfigError
from nni_darts.supernet.mixed import Memo, MixedModule

REDUCTIONS = ("sum", "mean")


def check_reduction(module: InputChoice) -> None:
    """Refuse reductions whose result changes shape with the choice."""
    if module.reduction not in REDUCTIONS:
        raise ConfigError(
            f'InputChoice "{module.label}": reduction "{module.reduction}" has no differentiable form, since '
            'the shape of its result depends on the choice; write reduction="sum" or reduction="mean".'
        )


class MixedInput(InputChoice, MixedModule):
    """The expected input: sum of p_i x_i for ``mean``, and n_chosen times that for ``sum``.

    With uniform p both equal, in expectation, what the discrete network computes from ``n_chosen`` inputs.
    """

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> MixedInput | None:
        if type(module) is not InputChoice or module.label in kwargs["node_inputs"]:
            return None
        check_reduction(module)
        mixed = cls(module.n_candidates, module.n_chosen, module.reduction, label=module.label)
        mixed.attach(kwargs["mixture"], kwargs["combine"])
        return mixed

    def forward(self, candidate_inputs: Sequence[Any]) -> Any:
        weights = self.mixture[self.label]
        if self.reduction == "sum" and self.n_chosen is not None:
            weights = weights * self.n_chosen
        return self.combine([lambda x=x: x for x in candidate_inputs], weights)  # type: ignore[misc]


class NodeInput(InputChoice, MixedModule):
    """The InputChoice of a node whose edges carry the alphas: all edges enter (DARTS, equation 1).

    It has no weights of its own; the derivation chooses among the edges.
    """

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> NodeInput | None:
        if type(module) is not InputChoice or module.label not in kwargs["node_inputs"]:
            return None
        check_reduction(module)
        return cls(module.n_candidates, module.n_chosen, module.reduction, label=module.label)

    def forward(self, candidate_inputs: Sequence[Any]) -> Any:
        total = weighted_sum(list(candidate_inputs))
        return total / len(candidate_inputs) if self.reduction == "mean" else total
