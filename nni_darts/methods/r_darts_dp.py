"""R-DARTS(DP) (Zela et al., ICLR 2020): DARTS with scheduled drop path and cutout in the search.

Every sample loses the output of a whole mixed operation with a probability that grows over the search,
p_e = DP e / (E - 1); what is kept is divided by 1 - p_e, so that the mean stays. Unlike in the evaluation
network the identity is dropped too: it is part of the mixture. One search of the several whose best by
validation is R-DARTS: ``experiment_configs/r_darts_dp_cifar.yml`` runs all and lets ``select`` choose.

=====================  ==============================================================================
setting                official code (src/search/args.py and its scripts)
=====================  ==============================================================================
DP                     0 (DARTS), 0.2, 0.4 or 0.6 in the last of the 50 epochs
cutout                 length 16 on the training images, none where DP is 0: ``search.cutout_length``
its probability        meant to grow as e / (E - 1), which is ``search.cutout_schedule: linear``; the code
                       sets an attribute that nothing reads and always erases, which is ``constant``
order                  second
weight decay           3e-4; all else as in DARTS
=====================  ==============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.demand import OWN_LAYER, Company, Demand, demands, demands_of
from nni_darts.parts.named import makes_part
from nni_darts.parts.ramp import Linear
from nni_darts.parts.requirement import IMAGES, requires
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.structure import Structure
from search_spaces.drop_path import draw_masks

PROB = "drop_path_prob"
"""Buffer of every layer with drop path: the probability of this epoch."""


def _follows(company: Company) -> bool:
    edges = company.recipe.edges
    return not any(OWN_LAYER in demands_of(part) for part in edges[edges.index(company.part) :])


@capturable
@requires(IMAGES)
@demands(Demand("to stand after the part of edges that makes a layer of its own", _follows))
def drop_path(layer: MixedLayer, structure: Structure) -> MixedLayer:
    """Put drop path on the output of an edge, whatever the edge is made of.

    On the edges of a recurrent cell it would be drawn anew in every time step.
    """
    layer.register_buffer(PROB, torch.tensor(0.0))
    layer.register_forward_hook(dropped)
    return layer


def dropped(layer: Any, inputs: Any, output: Any) -> Any:
    """The output with some samples gone, in training.

    Where a forward repeats the one before, as the second side of a finite difference does, its masks are
    those of that one: the two losses are then of the same network. The official code draws anew, which has
    the same mean and, divided by the small distance between the sides, far more variance.
    """
    if not layer.training:
        return output
    if not isinstance(output, Tensor):
        raise ConfigError(
            f'method: drop path is of edges that give one tensor; "{layer.label}" gives a '
            f"{type(output).__name__}."
        )
    if not layer.mixture.repeats:
        layer.mask = draw_masks(1, output, getattr(layer, PROB))[0]
    return output * layer.mask.view(-1, *(1 for _ in output.shape[1:]))


@capturable
@dataclass(frozen=True)
class DropPathRamp:
    """The probability of drop path on edges grows linearly to ``last`` in the last epoch."""

    last: float

    def __call__(self, state: SearchState) -> None:
        prob = Linear(0.0, self.last)(state)
        for module in state.objective.modules():
            if isinstance(module, MixedLayer) and hasattr(module, PROB):
                getattr(module, PROB).copy_(prob)


@makes_part
def scheduled_drop_path(drop_path_prob: float = 0.4) -> dict[str, Any]:
    """Samples lose the output of whole edges, more often from epoch to epoch (R-DARTS(DP))."""
    if not 0 <= drop_path_prob < 1:
        raise ConfigError(
            f"method.drop_path_prob: got {drop_path_prob}; it must be at least 0 and less than 1."
        )
    if drop_path_prob == 0:
        return {}
    return {"edges": (drop_path,), "schedules": (DropPathRamp(drop_path_prob),)}


@method(
    "r-darts-dp",
    summary="DARTS with scheduled drop path on edges (and cutout), one search of R-DARTS(DP)",
    paper="Understanding and Robustifying Differentiable Architecture Search (ICLR 2020)",
)
def r_darts_dp(
    drop_path_prob: float = 0.4, order: int = 2, hvp: str = "fd", radius: float = RADIUS
) -> Recipe:
    """``drop_path_prob`` is that of the last epoch; the authors' grid is 0 (DARTS itself), 0.2, 0.4 and 0.6.

    The default is the middle of those above 0. Cutout is of the data and needs ``search.cutout_length``.
    """
    return darts(order, hvp, radius).but(**scheduled_drop_path(drop_path_prob))
