"""R-DARTS(L2) (Zela et al., ICLR 2020): DARTS with a stronger decay of the network's weights.

One search of the several whose best by validation is R-DARTS: run it with every factor of the grid and let
``select`` choose, as ``experiment_configs/r_darts_l2_cifar.yml`` does.

=====================  ==============================================================================
setting                official code (src/search/args.py and its scripts)
=====================  ==============================================================================
weight decay           3e-4 times 1, 3, 9, 27 or 81
order                  second
epochs, batch          50, 64
weights                lr 0.025 to 0.001, momentum 0.9, clip 5
architecture           Adam 3e-4, betas (0.5, 0.999), decay 1e-3, which the factor leaves alone
=====================  ==============================================================================
"""

from __future__ import annotations

import math

from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.weight_decay import ScaledDecay
from nni_darts.recipe import Recipe, method


@method(
    "r-darts-l2",
    summary="DARTS with a multiple of the weights' decay, one search of R-DARTS(L2)",
    paper="Understanding and Robustifying Differentiable Architecture Search (ICLR 2020)",
)
def r_darts_l2(factor: float = 9.0, order: int = 2, hvp: str = "fd", radius: float = RADIUS) -> Recipe:
    """``search.weight_decay`` times ``factor`` in the inner problem: in the weight step and in w'.

    The authors' grid is 1 (DARTS itself), 3, 9, 27 and 81; the default is its middle.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ConfigError(
            f"method.factor: got {factor}; it must be greater than 0, such as 1, 3, 9, 27 or 81."
        )
    parent = darts(order, hvp, radius)
    return parent if factor == 1 else parent.but(schedules=(ScaledDecay(factor),))
