"""The weight optimiser as mathematics: what one step of SGD would do to the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class SgdGroup:
    """Weights that SGD treats alike. ``buffers`` is empty before their first step, where b is 0."""

    weights: list[Tensor]
    lr: float | Tensor
    momentum: float
    decay: float
    buffers: list[Tensor]
    nesterov: bool = False

    def change(self, gradients: list[Tensor]) -> list[Tensor]:
        """What one step adds to w: -lr (g + mu b), or Nesterov's -lr (g + mu (g + mu b)), g with decay w."""
        change = list(torch._foreach_add(gradients, self.weights, alpha=self.decay))
        kept = self.momentum
        if self.nesterov:
            torch._foreach_mul_(change, 1 + self.momentum)
            kept = self.momentum**2
        if self.buffers:
            torch._foreach_add_(change, self.buffers, alpha=kept)
        torch._foreach_mul_(change, -self.lr)
        return change

    @property
    def reach(self) -> float | Tensor:
        """-d w' / d gradient: lr, and lr (1 + mu) with Nesterov's momentum."""
        return self.lr * (1 + self.momentum) if self.nesterov else self.lr


@dataclass(frozen=True)
class Sgd:
    """All weights that SGD trains, in the order of its groups."""

    groups: list[SgdGroup]

    @property
    def weights(self) -> list[Tensor]:
        """Every weight."""
        return [weight for group in self.groups for weight in group.weights]

    @torch.no_grad()
    def change(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """What one step with these gradients, without clipping, would add to every weight."""
        return [new for group, own in self._by_group(gradients) for new in group.change(own)]

    @torch.no_grad()
    def scaled(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """``vector`` times the learning rate of every weight."""
        return [new for group, own in self._by_group(vector) for new in torch._foreach_mul(own, group.lr)]

    @torch.no_grad()
    def reached(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """``vector`` times the derivative of one step in the gradient, without its sign."""
        return [new for group, own in self._by_group(vector) for new in torch._foreach_mul(own, group.reach)]

    @torch.no_grad()
    def decayed(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """``vector`` times the decay of every weight."""
        return [new for group, own in self._by_group(vector) for new in torch._foreach_mul(own, group.decay)]

    def _by_group(self, tensors: Sequence[Tensor]) -> Iterator[tuple[SgdGroup, list[Tensor]]]:
        start = 0
        for group in self.groups:
            yield group, list(tensors[start : start + len(group.weights)])
            start += len(group.weights)


def read_sgd(optimizer: torch.optim.Optimizer) -> Sgd:
    """The optimiser's weights that are trained, its learning rates, momenta, decays and momentum buffers.

    Raises
    ------
    ConfigError
        It is not SGD, or SGD with dampening or ascent.
    """
    unplain = [
        key for key in ("dampening", "maximize") if any(group.get(key) for group in optimizer.param_groups)
    ]
    if not isinstance(optimizer, torch.optim.SGD) or unplain:
        got = type(optimizer).__name__ + (f" with {', '.join(unplain)}" if unplain else "")
        raise ConfigError(
            "the method's architecture step goes through the step of the weights and "
            f"needs a plain SGD weight optimiser; got {got}. "
            "Use torch.optim.SGD(lr, momentum, weight_decay, nesterov), or order=1 where the method has it."
        )
    return Sgd([part for group in optimizer.param_groups for part in _parts(optimizer, group)])


def _parts(optimizer: torch.optim.SGD, group: dict[str, object]) -> Iterator[SgdGroup]:
    """Weights with a momentum buffer and those that never had a gradient."""
    trained = [weight for weight in group["params"] if weight.requires_grad]  # type: ignore[attr-defined]
    buffer_of = {weight: optimizer.state.get(weight, {}).get("momentum_buffer") for weight in trained}
    for started in (True, False):
        weights = [weight for weight in trained if (buffer_of[weight] is not None) is started]
        if weights:
            yield SgdGroup(
                weights,
                lr=group["lr"],  # type: ignore[arg-type]
                momentum=group["momentum"],  # type: ignore[arg-type]
                decay=group["weight_decay"],  # type: ignore[arg-type]
                buffers=[buffer_of[weight] for weight in weights] if started else [],
                nesterov=bool(group["nesterov"]),
            )
