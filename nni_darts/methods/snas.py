"""SNAS (Xie et al., ICLR 2019): soft mixtures drawn from the Concrete distribution, which is cooled."""

from __future__ import annotations

from functools import partial

from nni_darts.parts.architect import first_order
from nni_darts.parts.gumbel import GumbelSoftmax
from nni_darts.parts.ramp import Linear
from nni_darts.parts.single_level import single_level as one_loss
from nni_darts.parts.temperature import Cooling
from nni_darts.recipe import Recipe, method


@method(
    "snas",
    summary="mixtures drawn by Gumbel softmax, cooled; weights and architecture share one loss",
    paper="SNAS: Stochastic Neural Architecture Search (ICLR 2019)",
)
def snas(
    single_level: bool = True,
    start: float = 1.0,
    stop: float = 0.03,
    span: int = 150,
    mean: float = 1.0,
    scale: float = 0.01,
) -> Recipe:
    """s = softmax((log softmax(alpha) + Gumbel noise) / tau), one draw per label and forward.

    ============ ======= ============================================================================
    option       default source
    ============ ======= ============================================================================
    single_level true    paper: both learn from the training half (a ``data.train_portion`` near 1
                         gives them most images); false learns the architecture from the other half
    start, stop  1, 0.03 official code: tau falls on a line, epoch by epoch
    span         150     official code, whatever the number of epochs; tau stays at ``stop`` from there
    mean, scale  1, 0.01 official code: of the first alphas
    ============ ======= ============================================================================

    The paper keeps every edge with its best operation, ``none`` among them. Cells of two inputs per node
    cannot hold that: there DARTS's rule derives, on softmax(alpha); on NAS-Bench-201 nothing differs. The
    resource term is not here.
    """
    recipe = Recipe(
        architect=first_order,
        relaxation=partial(GumbelSoftmax, mean=mean, scale=scale),
        schedules=(Cooling(Linear(start, stop, span)),),
    )
    return recipe.but(**one_loss()) if single_level else recipe
