"""iDARTS (Zhang et al., ICML 2021): weights that take several steps, and the implicit gradient of alpha."""

from __future__ import annotations

from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.neumann import TERMS, ImplicitGradient
from nni_darts.parts.second_derivatives import RADIUS
from nni_darts.recipe import Recipe, method


@method(
    "idarts",
    summary="several weight steps per architecture step, and a Neumann series for the implicit gradient",
    paper="iDARTS: Differentiable Architecture Search with Stochastic Implicit Gradients (ICML 2021)",
)
def idarts(
    T: int = 5, K: int = TERMS, hvp: str = "exact", radius: float = RADIUS, decay: bool = False
) -> Recipe:
    """g = dL_val/dalpha - gamma S^T d^2 L_train / (dw dalpha), S = sum_{k=0..K} (I - gamma H)^k dL_val/dw.

    ======== ========= ===========================================================================
    option   default   source
    ======== ========= ===========================================================================
    T        5         official NAS-Bench-1Shot1 search; weight steps for every architecture step
                       (``search.weight_steps`` goes before it). The notebook for NAS-Bench-201 has 4.
    K        2         both; terms of the series beyond the first. With 0 and T 1 this is DARTS's
                       second order without the step to w'.
    hvp      "exact"   both: H u by double backward. "fd" takes a difference, as for the mixed term.
    radius   0.01      both: the mixed term by the difference over w +- R S, R = radius / ||dL_val/dw||
    decay    false     both: H without the weights' decay; true adds it. Momentum never enters.
    ======== ========= ===========================================================================

    The official code leaves the weights displaced after the difference, and lets gradients of the training
    batches into alpha; neither happens here. Its loop runs over validation batches with T training batches
    each, beginning with the weights'; here an epoch is one pass over the training batches, and a group of
    T begins with the architecture. The file that the official script imports, ``architect_approx.py``,
    multiplies v entry by entry instead; that variant is not here.
    """
    if T < 1:
        raise ConfigError(f"method.T: got {T}; it must be 1 or more.")
    return darts_first_order().but(architect=ImplicitGradient(K, hvp, radius, decay), weight_steps=T)
