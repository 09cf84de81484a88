"""GDAS (Dong, Yang, CVPR 2019): one operation is drawn per edge, and only it runs."""

from __future__ import annotations

from functools import partial

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import first_order
from nni_darts.parts.forward import chosen_and_bare_weights, only_chosen
from nni_darts.parts.gumbel import GumbelSoftmax
from nni_darts.parts.ramp import Linear
from nni_darts.parts.temperature import Cooling
from nni_darts.recipe import Recipe, method

LEFT_OUT = {"nothing": only_chosen, "bare": chosen_and_bare_weights}


@method(
    "gdas",
    summary="one operation drawn per edge by Gumbel softmax, straight-through gradient; only it is computed",
    paper="Searching for A Robust Neural Architecture in Four GPU Hours (CVPR 2019)",
)
def gdas(
    start: float = 10.0, stop: float = 0.1, span: int | None = None, left_out: str = "nothing"
) -> Recipe:
    """h = onehot(argmax s) with the gradient of s, s = softmax((log softmax(alpha) + Gumbel noise) / tau).

    ============ ========= ==========================================================================
    option       default   source
    ============ ========= ==========================================================================
    start, stop  10, 0.1   official code: tau falls on a line, epoch by epoch
    span         null      null arrives at ``stop`` in the last epoch, as the official code does
    left_out     "nothing" what the operations that do not run add to an edge. "bare" is the cell of
                           the official NAS-Bench-201 search, which adds their weights as numbers:
                           they are 0, but the gradient of alpha is another, of opposite sign at times.
    ============ ========= ==========================================================================

    The draw is shared by all cells of a type and by the whole batch; the two steps draw on their own. The
    architecture's step comes before the weights' here, after it in the official code. That code may take
    two operations of one edge into a node; here edges are distinct, as cells are written.
    """
    if left_out not in LEFT_OUT:
        raise ConfigError(f'method.left_out: got "{left_out}"; write {" or ".join(LEFT_OUT)}.')
    return Recipe(
        architect=first_order,
        relaxation=partial(GumbelSoftmax, hard=True),
        forward=LEFT_OUT[left_out],
        schedules=(Cooling(Linear(start, stop, span)),),
    )
