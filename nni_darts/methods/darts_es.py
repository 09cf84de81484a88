"""DARTS-ES (Zela et al., ICLR 2020): DARTS that stops and goes back once the validation loss is sharp."""

from __future__ import annotations

from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.eigenvalue_jump import eigenvalue_jump
from nni_darts.recipe import Recipe, method


@method(
    "darts-es",
    summary="DARTS that stops when the Hessian's largest eigenvalue grows, and goes back some epochs",
    paper="Understanding and Robustifying Differentiable Architecture Search (ICLR 2020)",
)
def darts_es(
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
    """Defaults are those of the official code (src/search/args.py and its scripts).

    ``ridge`` is added to every value: None for ``search.arch_weight_decay``, since that code adds the decay
    of the architecture's Adam to the gradient before it differentiates. ``eigenvalue`` is ``exact`` or
    ``power``, by power iteration.

    ======== ======= ================================================================
    option   default meaning
    ======== ======= ================================================================
    every    2       epochs between two values
    window   5       values that are averaged
    start    10      earliest epoch whose architecture is taken
    delta    4       values between the two means that are compared
    factor   1.3     by how much the mean may grow; 1e9 only reports the values
    ======== ======= ================================================================
    """
    rule = eigenvalue_jump(every, window, start, delta, factor, eigenvalue, ridge)
    return darts(order, hvp, radius).but(stopping=rule)
