"""How the architecture parameters begin and learn: what every method has beside its architect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from nni_darts.errors import ConfigError
from nni_darts.parts.relaxation import Relaxation

OuterSchedule = Callable[[Optimizer, int], LRScheduler]
"""The outer optimiser and the number of epochs -> what is stepped after every epoch."""

KINDS: dict[str, Callable[..., Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


@dataclass(frozen=True)
class OuterOptimiser:
    """Adam on the architecture parameters, decay coupled into the gradient (DARTS, appendix A.1).

    ``kind`` "adamw" decouples the decay; "sgd" is plain, without momentum and without ``betas``.
    """

    lr: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    kind: str = "adam"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f'search.arch_optimizer: got "{self.kind}"; write {", ".join(KINDS)}.')

    def __call__(self, parameters: list[nn.Parameter]) -> Optimizer:
        moments = {} if self.kind == "sgd" else {"betas": self.betas}
        return KINDS[self.kind](
            parameters, lr=self.lr, weight_decay=self.weight_decay, foreach=True, **moments
        )


@dataclass(frozen=True)
class Cosine:
    """lr_min + (lr - lr_min) (1 + cos(pi e / epochs)) / 2 in epoch e."""

    lr_min: float = 0.0

    def __call__(self, optimizer: Optimizer, epochs: int) -> LRScheduler:
        return CosineAnnealingLR(optimizer, T_max=epochs, eta_min=self.lr_min)


@dataclass(frozen=True)
class Beginning:
    """First architecture parameters drawn from N(mean, scale^2); None for what the relaxation has.

    The mean is that of the alphas; what else a relaxation learns, such as edge weights, is drawn around 0.
    """

    scale: float | None = None
    mean: float | None = None

    @torch.no_grad()
    def __call__(self, relaxation: Relaxation) -> None:
        scale = relaxation.scale if self.scale is None else self.scale
        mean = relaxation.mean if self.mean is None else self.mean
        alphas = {id(alpha) for alpha in relaxation.alphas}
        for parameter in relaxation.parameters():
            parameter.normal_(mean if id(parameter) in alphas else 0.0, scale)


def with_schedule(configured: Any, schedule: Callable[[Optimizer], LRScheduler]) -> Any:
    """What ``configure_optimizers`` returned, the outer optimiser last, with a schedule for that one.

    Parameters
    ----------
    configured
        Optimisers, or optimisers and schedules, or dictionaries of both, as Lightning takes them.
    """
    if isinstance(configured, tuple):
        optimizers, schedules = configured
        return optimizers, [*schedules, schedule(optimizers[-1])]
    *others, last = configured
    if isinstance(last, dict):
        return [*others, {**last, "lr_scheduler": schedule(last["optimizer"])}]
    return configured, [schedule(last)]
