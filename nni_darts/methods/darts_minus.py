"""DARTS- (Chu, Wang, Zhang, Lu, Wei, Yan, ICLR 2021): a second skip on every edge that fades away.

A skip connection is chosen too often because it helps the others to train. Here every edge has one that is
not searched, edge(x) = sum_o p_o o(x) + beta * aux(x), and beta falls to zero during the search, so that
what the searched skip earns is its own.

=====================  ==========================================================================
setting                official search (scripts/run_darts_minus.sh)
=====================  ==========================================================================
beta, decay            1, linear over the 50 epochs
aux at stride 1        the identity; ``branch: conv1`` is a 1x1 convolution that begins as one
aux at stride 2        a factorised reduction of its own
order                  first
training               as DARTS
=====================  ==========================================================================
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.demand import OWN_LAYER, demands
from nni_darts.parts.named import makes_part
from nni_darts.parts.requirement import IMAGES, requires
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.extent import extent_of
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.structure import Structure
from search_spaces.operations import FactorizedReduce, Identity

DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "slow_cosine": lambda share: math.cos(math.pi * share / 2),
    "none": lambda share: 1.0,
}
"""From the share of the search that is over to the share of beta that is left."""

BRANCHES = ("skip", "conv1")


class AidedLayer(MixedLayer):
    """The mixture plus ``beta`` times ``aux_skip``.

    ``beta`` is a buffer of this layer: no optimiser has it, and every checkpoint does.
    """

    aux_skip: nn.Module
    beta: Tensor

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return torch.addcmul(super().forward(*args, **kwargs), self.beta, self.aux_skip(*args, **kwargs))


@capturable
@requires(IMAGES)
@demands(OWN_LAYER)
@dataclass(frozen=True)
class AuxiliarySkip:
    """Put an auxiliary skip on an edge, whatever its candidates are."""

    strength: float
    branch: str

    def __call__(self, layer: MixedLayer, structure: Structure) -> AidedLayer:
        extent = extent_of(layer)
        aided: Any = AidedLayer.instead_of(layer)
        aided.register_buffer("beta", torch.tensor(self.strength))
        aided.aux_skip = _skip(layer.label, extent.channels, extent.channels_out, extent.stride, self.branch)
        return aided


def _skip(label: str, channels: int | None, channels_out: int | None, stride: int, branch: str) -> nn.Module:
    if stride == 1 and channels == channels_out:
        return Identity() if branch == "skip" or channels is None else _identity_convolution(channels)
    if stride == 2 and channels is not None and channels_out is not None:
        return FactorizedReduce(channels, channels_out, affine=False)
    raise ConfigError(
        f'method: no auxiliary skip fits the edge "{label}", which leads from {channels} to {channels_out} '
        f"channels with stride {stride}."
    )


def _identity_convolution(channels: int) -> nn.Module:
    convolution = nn.Conv2d(channels, channels, 1, bias=False)
    nn.init.dirac_(convolution.weight)
    return nn.Sequential(OrderedDict(conv1x1=convolution))


@capturable
@dataclass(frozen=True)
class Fade:
    """Set beta for an epoch; within one it is constant."""

    strength: float
    decay: str
    epochs: int | None

    def at(self, epoch: int, epochs: int) -> float:
        """Beta in an epoch of a search of so many; after the last it stays."""
        total = self.epochs or epochs
        return self.strength * DECAYS[self.decay](min(epoch, total) / total)

    def __call__(self, state: SearchState) -> None:
        for module in state.objective.modules():
            if isinstance(module, AidedLayer):
                module.beta.fill_(self.at(state.epoch, state.epochs))


@makes_part
def auxiliary_skip(
    strength: float = 1.0, decay: str = "linear", decay_epochs: int | None = None, branch: str = "skip"
) -> dict[str, Any]:
    """A skip on every edge that is not searched and fades (DARTS-)."""
    problems = []
    if not (math.isfinite(strength) and strength >= 0):
        problems.append(f"method.strength: got {strength}; it must be 0 or more.")
    if decay not in DECAYS:
        problems.append(f'method.decay: got "{decay}"; write {", ".join(DECAYS)}.')
    if decay_epochs is not None and decay_epochs < 1:
        problems.append(f"method.decay_epochs: got {decay_epochs}; it must be 1 or more, or null.")
    if branch not in BRANCHES:
        problems.append(f'method.branch: got "{branch}"; write {" or ".join(BRANCHES)}.')
    if problems:
        raise ConfigError(*problems)
    if strength == 0:
        return {}
    return {
        "edges": (AuxiliarySkip(strength, branch),),
        "schedules": (Fade(strength, decay, decay_epochs),),
    }


@method(
    "darts-minus",
    summary="DARTS with an auxiliary skip on every edge that fades during the search",
    paper="DARTS-: Robustly Stepping out of Performance Collapse Without Indicators (ICLR 2021)",
)
def darts_minus(
    strength: float = 1.0,
    decay: str = "linear",
    decay_epochs: int | None = None,
    branch: str = "skip",
    order: int = 1,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """DARTS- with beta ``strength`` at the beginning; 0 is DARTS itself.

    Parameters
    ----------
    decay
        linear, cosine, slow_cosine or none.
    decay_epochs
        Epoch in which beta would be 0; None for the length of the search.
    branch
        skip or conv1.
    """
    return darts(order, hvp, radius).but(**auxiliary_skip(strength, decay, decay_epochs, branch))
