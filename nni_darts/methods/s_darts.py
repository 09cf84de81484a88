"""SmoothDARTS (Chen, Hsieh, ICML 2020): weights trained under perturbed mixtures, at random or adversarially.

Where validation loss is flat around the mixture, cutting it down to single operations costs less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nni_darts.capture import capturable
from nni_darts.config.section import Count, NotNegative
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.demand import MIXTURES, REPEATABLE, demands
from nni_darts.parts.rows import Rows
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState

EPSILON = 0.3
FIRST_EPSILON = 0.03
STEPS = 7
"""Defaults of the official code, sota/cnn/train_search.py and attacker/perturb.py."""

Loss = Callable[[list[Tensor]], Tensor]


def project(rows: Tensor) -> Tensor:
    """Back to distributions, shape ``[..., candidates]``: clamp to [0, 1] and divide by the sum.

    Rows without a positive entry become one at their largest entry.
    """
    largest = torch.zeros_like(rows).scatter(-1, rows.argmax(-1, keepdim=True), 1.0)
    clamped = rows.clamp(0, 1)
    clamped = torch.where(clamped.sum(-1, keepdim=True) > 0, clamped, largest)
    return clamped / clamped.sum(-1, keepdim=True)


def noisy(origin: Sequence[Tensor], epsilon: Tensor) -> list[Tensor]:
    """Every entry moved by its own U(-epsilon, epsilon), then projected."""
    return [project(p + epsilon * (2 * torch.rand_like(p) - 1)) for p in origin]


def ascend(
    loss: Loss, origin: Sequence[Tensor], start: Sequence[Tensor], epsilon: Tensor, steps: int
) -> list[Tensor]:
    """Projected gradient ascent within epsilon of ``origin`` (largest coordinate), as ``Linf_PGD_alpha``.

    The projection comes last, so the result may lie further away. Where the loss is lower than at
    ``origin`` itself, that is the result.
    """
    with torch.no_grad():
        before = loss(list(origin))
    here = list(start)
    for _ in range(steps):
        here = [p.detach().requires_grad_() for p in here]
        slopes = torch.autograd.grad(loss(here), here)
        with torch.no_grad():
            moved = [p + 2 * epsilon / steps * g.sign() for p, g in zip(here, slopes, strict=True)]
            inside = [p + (m - p).clamp(-epsilon, epsilon) for p, m in zip(origin, moved, strict=True)]
            here = [project(p) for p in inside]
    with torch.no_grad():
        worse = loss(here) < before
        return [torch.where(worse, p, found) for p, found in zip(origin, here, strict=True)]


@capturable
@demands(MIXTURES, REPEATABLE)
class Perturbed:
    """The weight step at perturbed mixture weights; alpha and its optimiser see nothing of it.

    One draw a batch: cells that share their alphas share the perturbation. Its radius grows over the epochs,
    ``first + (epsilon - first) * epoch / epochs``, and never quite reaches epsilon.
    """

    def __init__(self, epsilon: NotNegative = EPSILON, first: NotNegative = FIRST_EPSILON) -> None:
        self.epsilon, self.first = epsilon, first

    def radius(self, state: SearchState) -> Tensor:
        """The epsilon of this epoch."""
        return self.first + (self.epsilon - self.first) * state.clock / state.epochs

    def __call__(self, state: SearchState) -> None:
        rows = Rows(state.structure.sizes)
        with torch.no_grad():
            weights = state.relaxation()  # weights of edges, where there are any, stay what they are
        perturbed = self.perturb(state, rows, weights)
        with state.weights.replaced({**weights, **rows.unpack(perturbed)}, keep_decisions=True):
            state.step_weights(state.training_loss())

    def perturb(self, state: SearchState, rows: Rows, weights: dict[str, Tensor]) -> list[Tensor]:
        """SDARTS-RS: random smoothing."""
        return noisy(rows.pack(weights), self.radius(state))


class Adversarial(Perturbed):
    """SDARTS-ADV: against the loss of the very batch that the weights then learn from.

    The attack runs in evaluation mode and leaves no trace in statistics and metrics; it adds two forwards
    and ``steps`` times a forward and a backward.
    """

    def __init__(
        self, epsilon: NotNegative = EPSILON, first: NotNegative = FIRST_EPSILON, steps: Count = STEPS
    ) -> None:
        super().__init__(epsilon, first)
        self.steps = steps
        self.extra_passes = 2 + steps, steps, "the attack on the mixture"

    def perturb(self, state: SearchState, rows: Rows, weights: dict[str, Tensor]) -> list[Tensor]:
        def loss(matrices: list[Tensor]) -> Tensor:
            with state.weights.replaced({**weights, **rows.unpack(matrices)}, keep_decisions=True):
                return state.inner_loss()

        origin, radius = rows.pack(weights), self.radius(state)
        with state.evaluating(), state.constant_weights():
            return ascend(loss, origin, noisy(origin, radius), radius, self.steps)


@method(
    "s-darts",
    summary="weights trained under random or adversarial perturbations of the mixture",
    paper="Stabilizing Differentiable Architecture Search via Perturbation-based Regularization (ICML 2020)",
)
def s_darts(
    perturbation: str = "random",
    epsilon: float = EPSILON,
    first_epsilon: float = FIRST_EPSILON,
    steps: int = STEPS,
    order: int = 1,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """SDARTS-RS (``random``) or SDARTS-ADV (``adversarial``, with ``steps`` steps of ascent a batch).

    Defaults are the official code's: epsilon grows from 0.03 towards 0.3, first order. Everything else is
    as in DARTS. Without any epsilon it is DARTS of this order.
    """
    problems = [
        f"method.{name}: got {value}; it must be 0 or more."
        for name, value in (("epsilon", epsilon), ("first_epsilon", first_epsilon))
        if not value >= 0
    ]
    if perturbation not in ("random", "adversarial"):
        problems.append(f'method.perturbation: got "{perturbation}"; write "random" or "adversarial".')
    if steps < 1:
        problems.append(f"method.steps: got {steps}; it must be 1 or more.")
    if problems:
        raise ConfigError(*problems)
    parent = darts(order, hvp, radius)
    if epsilon == first_epsilon == 0:
        return parent
    step = (
        Perturbed(epsilon, first_epsilon)
        if perturbation == "random"
        else Adversarial(epsilon, first_epsilon, steps)
    )
    return parent.but(weight_step=step)
