"""beta-DARTS (Ye et al., CVPR 2022): DARTS whose mixture weights decay."""

from __future__ import annotations

from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.named import makes_part
from nni_darts.parts.ramp import Linear
from nni_darts.parts.regulariser import LogSumExp, Weighted
from nni_darts.recipe import Recipe, method


@makes_part
def beta_decay(strength: float = 50.0, span: int = 100, by_type: bool = True) -> Weighted:
    """Log-sum-exp of alpha, growing from 0 to ``strength`` in epoch ``span``."""
    if strength < 0:
        raise ConfigError(f"method.strength: got {strength}; it must be 0 or more.")
    return Weighted(LogSumExp(by_type), Linear(0.0, strength, span))


@method(
    "beta-darts",
    summary="DARTS with a growing decay of the mixture weights: log-sum-exp of alpha in its objective",
    paper="beta-DARTS: Beta-Decay Regularization for Differentiable Architecture Search (CVPR 2022)",
)
def beta_darts(
    order: int = 1,
    strength: float = 50.0,
    span: int = 100,
    by_type: bool = True,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """L_val + lambda(epoch) * mean over choices of log sum_o exp(alpha_o), lambda = strength * epoch / span.

    ========== ======= ==============================================================================
    option     default source
    ========== ======= ==============================================================================
    order      1       paper. With 2 the official code forgets the term; here it is in the direct part
                       of the gradient, once, and in none of the product with the second derivative.
    strength   50      official NAS-Bench-201 search
    span       100     the same: a function of the epoch alone, so 50 epochs end at 24.5. From epoch
                       ``span`` on lambda stays.
    by_type    true    one mean per type of cell, added. The official code has a rule for one type only;
                       false takes one mean over all choices of all types, half as much for two types.
    hvp,       as      only matter for order 2
    radius     darts
    ========== ======= ==============================================================================

    With strength 0, and in the first epoch, this is DARTS.
    """
    return darts(order, hvp, radius).but(outer_regularisers=(beta_decay(strength, span, by_type),))
