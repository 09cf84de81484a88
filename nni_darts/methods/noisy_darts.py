"""NoisyDARTS (BMVC 2021): unbiased noise on the skip connections during the search.

A skip connection lets gradients through too easily; with noise in it the others learn to do without.
mixed(x) = sum_{o != skip} p_o o(x) + p_skip (skip(x) + n), with n ~ N(0, (factor std(skip(x)))^2) fresh in
every forward of training and none in evaluation. As in the official code the noise is added to what the
skip connection gives, which at stride 2 is not its input.

=====================  ==========================================================================
setting                official search (train_search.py and its README's command)
=====================  ==========================================================================
candidates             the 7 of DARTS without ``none``: ``space.args.primitives``
noise                  Gaussian, additive, mean 0, factor 0.2, constant over the search
order                  first
training               ``nni_darts.config.defaults``
drop path on skips     0.3 by an oversight, in evaluation too; here 0 unless ``skip_drop_path`` says
                       otherwise, and in training alone
=====================  ==========================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.demand import Demand, demands
from nni_darts.parts.named import makes_part
from nni_darts.parts.requirement import operation, requires
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.structure import Structure
from search_spaces.drop_path import draw_masks

SKIP = "skip_connect"
KINDS = ("gaussian", "uniform", "multiplicative")


@dataclass(frozen=True)
class Noise:
    """What happens to the output y of a skip connection.

    gaussian: y + mean + N(0, (factor std(y))^2); uniform: y + mean + U(-a, a) with a = sqrt(3 factor), so
    that ``factor`` is its variance; multiplicative: y N(1 + mean, factor^2).
    """

    kind: str
    factor: float
    mean: float
    drop_path: float

    def on(self, y: Tensor, share: Tensor) -> Tensor:
        """``y`` with fresh noise, ``share`` of it."""
        if self.kind == "multiplicative":
            y = y * (1 + share * (self.mean + self.factor * torch.randn_like(y)))
        else:
            y = y + share * self._added(y.detach())
        return y * draw_masks(1, y, self.drop_path)[0] if self.drop_path else y

    def _added(self, y: Tensor) -> Tensor:
        if self.kind == "gaussian":
            # Over the whole tensor, and without a gradient: the noise is no function of the input.
            return self.mean + self.factor * y.std() * torch.randn_like(y)
        width = math.sqrt(3 * self.factor)
        return self.mean + width * (2 * torch.rand_like(y) - 1)


class NoisySkip(nn.Module):
    """A skip connection with noise on its output while it trains.

    Parameters
    ----------
    operation
        The skip connection itself.
    """

    share: Tensor

    def __init__(self, operation: nn.Module, noise: Noise) -> None:
        super().__init__()
        self.operation = operation
        self.noise = noise
        self.register_buffer("share", torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        y = self.operation(x)
        return self.noise.on(y, self.share) if self.training else y


ONE_PASS = Demand(
    "an architect without finite differences, whose passes would differ by the noise",
    lambda company: not getattr(company.recipe.architect, "compares_passes", False),
)


@capturable
@requires(operation(SKIP))
@demands(ONE_PASS)
@dataclass(frozen=True)
class NoiseOnSkip:
    """Put noise on the skip connection of every edge that offers one."""

    noise: Noise

    def __call__(self, layer: MixedLayer, structure: Structure) -> MixedLayer:
        if SKIP in layer.names:
            layer.add_module(SKIP, NoisySkip(layer[SKIP], self.noise))
        return layer


@capturable
def fade(state: SearchState) -> None:
    """Less noise from epoch to epoch, (1 + cos(pi epoch / epochs)) / 2 of it."""
    share = (1 + math.cos(math.pi * state.epoch / state.epochs)) / 2
    for module in state.objective.modules():
        if isinstance(module, NoisySkip):
            module.share.fill_(share)


@makes_part
def noise_on_skip(
    factor: float = 0.2,
    noise: str = "gaussian",
    mean: float = 0.0,
    decay: bool = False,
    skip_drop_path: float = 0.0,
) -> dict[str, Any]:
    """Noise on the skip connections while they train (NoisyDARTS)."""
    problems = []
    if not (math.isfinite(factor) and factor >= 0):
        problems.append(f"method.factor: got {factor}; it must be 0 or more.")
    if noise not in KINDS:
        problems.append(f'method.noise: got "{noise}"; write {", ".join(KINDS)}.')
    if not math.isfinite(mean):
        problems.append(f"method.mean: got {mean}; it must be a finite number.")
    if not 0 <= skip_drop_path < 1:
        problems.append(
            f"method.skip_drop_path: got {skip_drop_path}; it must be at least 0 and less than 1."
        )
    if problems:
        raise ConfigError(*problems)
    if factor == mean == skip_drop_path == 0:
        return {}
    return {
        "edges": (NoiseOnSkip(Noise(noise, factor, mean, skip_drop_path)),),
        "schedules": (fade,) if decay else (),
    }


@method(
    "noisy-darts",
    summary="first-order DARTS with noise on the skip connections",
    paper="Noisy Differentiable Architecture Search (BMVC 2021)",
)
def noisy_darts(
    factor: float = 0.2,
    noise: str = "gaussian",
    mean: float = 0.0,
    decay: bool = False,
    skip_drop_path: float = 0.0,
    order: int = 1,
) -> Recipe:
    """NoisyDARTS; without noise and drop path it is first-order DARTS.

    Parameters
    ----------
    factor
        Strength: of ``gaussian`` noise its standard deviation relative to that of the skip connection's
        output, of ``uniform`` its variance, of ``multiplicative`` its standard deviation around 1.
    mean
        A bias of the noise, as the paper's ablations have it.
    decay
        Whether the noise fades as a cosine over the search.
    skip_drop_path
        Probability with which a sample loses the skip connection in training; the official code has 0.3.
    """
    if order != 1:
        raise ConfigError(
            f"method.order: got {order!r}; NoisyDARTS is defined for order 1: the two passes of a finite "
            "difference would differ by their noise more than by their weights."
        )
    return darts_first_order().but(**noise_on_skip(factor, noise, mean, decay, skip_drop_path))
