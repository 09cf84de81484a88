"""DARTS (Liu, Simonyan, Yang, ICLR 2019), first and second order: two recipes."""

from __future__ import annotations

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import RADIUS, Unrolled, first_order
from nni_darts.recipe import Recipe, method


def darts_first_order() -> Recipe:
    """xi = 0: the current weights stand in for the optimal ones."""
    return Recipe(architect=first_order)


def darts_second_order(
    hvp: str = "fd", radius: float = RADIUS, clip: float | None = None, official: bool = False
) -> Recipe:
    """The gradient through one unrolled weight step."""
    return darts_first_order().but(architect=Unrolled(hvp, radius, clip, official))


@method(
    "darts",
    summary="softmax mixture of operations, architecture and weights trained in turns",
    paper="DARTS: Differentiable Architecture Search (ICLR 2019)",
)
def darts(
    order: int = 2,
    hvp: str = "fd",
    radius: float = RADIUS,
    clip: float | None = None,
    official: bool = False,
) -> Recipe:
    """DARTS of the given order; the other options, those of :class:`Unrolled`, only matter for order 2.

    Where ``clip`` is left out, ``search.unrolled_clip`` holds: 0.25 on texts, as in the authors' recurrent
    search, none on images.
    """
    if order not in (1, 2):
        raise ConfigError(f"method.order: got {order!r}; write 1 (first order) or 2 (unrolled).")
    return darts_first_order() if order == 1 else darts_second_order(hvp, radius, clip, official)
