"""Scalars that are added to an objective."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from torch import Tensor, inf
from torch.nn.utils.rnn import pad_sequence

from nni_darts.capture.parts import is_capturable
from nni_darts.parts.demand import MIXTURES, OUTER, Demand, demands, demands_of
from nni_darts.state import Regulariser, SearchState


class Weighted:
    """``strength(state) * penalty(state)``; a strength such as :class:`~nni_darts.parts.ramp.Linear`."""

    def __init__(self, penalty: Regulariser, strength: Callable[[SearchState], Tensor]) -> None:
        self.penalty = penalty
        self.strength = strength

    @property
    def capturable(self) -> bool:
        """The strength is a tensor of the state; the rest is up to the penalty."""
        return is_capturable(self.penalty)

    @property
    def demands(self) -> tuple[Demand, ...]:
        """The penalty's."""
        return demands_of(self.penalty)

    @property
    def __name__(self) -> str:
        return str(getattr(self.penalty, "__name__", type(self.penalty).__name__))

    def __call__(self, state: SearchState) -> Tensor:
        penalty = self.penalty(state)
        return self.strength(state).to(penalty.dtype) * penalty


@demands(MIXTURES, OUTER)
class LogSumExp:
    """Mean over choices of log sum_o exp(alpha_o), whose gradient is softmax(alpha) / choices (beta-DARTS).

    A step along it shrinks the large weights of a mixture relative to the small ones. It is no weight
    decay: it also drives the common level of the alphas, which no mixture sees, down without end.

    Parameters
    ----------
    by_type
        Whether the mean is over the choices of one type of cell, and the types' means are added (what
        comes before the last ``/`` of a label is the type); otherwise one mean is over all choices.
    """

    capturable = True

    def __init__(self, by_type: bool = True) -> None:
        self.by_type = by_type

    def __call__(self, state: SearchState) -> Tensor:
        relaxation = state.relaxation
        tables: dict[str, list[Tensor]] = defaultdict(list)
        for label, alpha in zip(relaxation.labels, relaxation.alphas, strict=True):
            tables[label.rpartition("/")[0] if self.by_type else ""].append(alpha)
        means = [
            pad_sequence(rows, batch_first=True, padding_value=-inf).logsumexp(1).mean()
            for rows in tables.values()
        ]
        return sum(means[1:], means[0])
