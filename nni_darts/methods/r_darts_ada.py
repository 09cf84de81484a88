"""DARTS-ADA (Zela et al., ICLR 2020): where DARTS-ES would stop, go back and go on with more weight decay.

=====================  ==============================================================================
setting                official scripts (``--early_stop 3 --mul_factor 10 --max_weight_decay 0.03``)
=====================  ==============================================================================
weight decay           3e-4, times 10 at every return: at most two of them, to 3e-3 and to 0.03
when, and how far      the rule of DARTS-ES; the search goes on from the epoch whose architecture ES takes
what goes back         weights, running statistics, architecture, both optimisers, eigenvalues
learning rate          that of the epoch that is run, again or for the first time
result                 the architecture after the last epoch
=====================  ==============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.eigenvalue_jump import EigenvalueJump, jump_options
from nni_darts.parts.named import makes_part
from nni_darts.parts.stopping import Return, Stop
from nni_darts.parts.weight_decay import ScaledDecay
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState

GROWTH = 10.0
MOST = 0.03
"""Of the official scripts: by which the decay grows, and what it never exceeds."""


class DecayJump(EigenvalueJump):
    """Sends the search back where the eigenvalue has grown too much, while the decay may still be raised.

    Parameters
    ----------
    growth
        By which every return multiplies the decay.
    most
        The decay never exceeds it. The official code goes on returning unless round(ln most / ln decay, 1)
        is 1, which says the same of 3e-4, 3e-3 and 0.03, and of decays beyond that it would go on for ever.
    """

    may_return = True

    def __init__(self, growth: float = GROWTH, most: float = MOST, **rule: Any) -> None:
        super().__init__(**rule)
        self.growth, self.most = growth, most

    def answer(self, state: SearchState, stop: Stop) -> Return | None:
        """Back to the epoch whose architecture the stop would take; None to go on to the last epoch."""
        return Return(stop.reason, stop.epoch) if self._left(state) else None

    def needs(self, state: SearchState) -> Collection[int]:
        """Every return that is left goes back over so many more records."""
        left = self._left(state)
        records = self.memory.get("records", ()) if left else ()
        return [r["epoch"] for r in records[-left * self.reach - 1 :] if r["asked"] >= self.start]

    def _left(self, state: SearchState) -> int:
        """How often the decay can still be raised; its rounding is no obstacle."""
        decay = max(group["weight_decay"] for group in state.optimizer().param_groups)
        return max(0, math.floor(math.log(self.most / decay) / math.log(self.growth) + 1e-6))


@makes_part
def decay_jump(
    growth: float = GROWTH,
    max_weight_decay: float = MOST,
    every: int = 2,
    window: int = 5,
    start: int = 10,
    delta: int = 4,
    factor: float = 1.3,
    eigenvalue: str = "exact",
    ridge: float | None = None,
) -> dict[str, Any]:
    """Go back and raise the weights' decay when the architecture's Hessian sharpens (DARTS-ADA)."""
    problems = []
    if not (math.isfinite(growth) and growth > 1):
        problems.append(f"method.growth: got {growth}; it must be greater than 1.")
    if not (math.isfinite(max_weight_decay) and max_weight_decay > 0):
        problems.append(f"method.max_weight_decay: got {max_weight_decay}; it must be greater than 0.")
    options = jump_options(every, window, start, delta, factor, eigenvalue, ridge, problems)
    rule = DecayJump(growth, max_weight_decay, **options)
    return {"stopping": rule, "schedules": (ScaledDecay(growth=growth),)}


@method(
    "r-darts-ada",
    summary="DARTS that goes back and raises the weights' decay when the Hessian's eigenvalue grows",
    paper="Understanding and Robustifying Differentiable Architecture Search (ICLR 2020)",
)
def r_darts_ada(
    growth: float = GROWTH,
    max_weight_decay: float = MOST,
    every: int = 2,
    window: int = 5,
    start: int = 10,
    delta: int = 4,
    factor: float = 1.3,
    eigenvalue: str = "exact",
    ridge: float | None = None,
    order: int = 2,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """DARTS-ADA; without room for an increase, or where the eigenvalue never jumps, it is DARTS.

    ``growth`` multiplies ``search.weight_decay`` at every return, up to ``max_weight_decay``. All between
    are the options of ``darts-es``, with its defaults. States of up to a dozen epochs are kept in the run's
    folder ``snapshots``, each twice as large as the weights.
    """
    jump = decay_jump(growth, max_weight_decay, every, window, start, delta, factor, eigenvalue, ridge)
    return darts(order, hvp, radius).but(**jump)
