"""The implicit gradient of the architecture, with a truncated series for the inverse Hessian (iDARTS)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.parts.demand import REPEATABLE, demands
from nni_darts.parts.second_derivatives import (
    RADIUS,
    Product,
    hessian_by_difference,
    hessian_exactly,
    mixed_by_difference,
    norm,
    outer_gradients,
)
from nni_darts.state import SearchState
from nni_darts.state.sgd import Sgd

TERMS = 2
"""K of the official code."""


@capturable
@demands(REPEATABLE)
class ImplicitGradient:
    """What the implicit function theorem says where the weights have followed the architecture.

    With v = d L_val / d w, H = d^2 L_train / d w^2 and M = d^2 L_train / (d w d alpha), all at w as it is,

        g = d L_val / d alpha - gamma S^T M,    S = sum_{k=0..K} (I - gamma H)^k v,

    so that gamma S tends to H^-1 v where ``||I - gamma H|| < 1``. gamma is the weights' learning rate; it
    stands inside of the powers too (the survey's eq. 15 leaves it out there, and that series diverges). A
    network with BatchNorm may violate the condition in its first epochs; few terms hide it. S grows term by
    term, u_0 = v and u_{k+1} = u_k - gamma H u_k, every product on the training batch of this step.

    The momentum of the weight optimiser, Nesterov's too, has no place here, since it moves no fixed point.
    Its decay moves it, but is left out as in the official code, unless ``decay`` says otherwise.

    Besides the weight step, a step has one forward of L_val, one of L_train that all K products share (2 K
    with ``hvp="fd"``), and two of L_train for S^T M, which is the central difference over w +- R S with
    R = radius / ||v||. Nothing else of L_train enters the gradient, and the weights return to the bit.

    Parameters
    ----------
    terms
        K. With 0 this is the formula of second-order DARTS with w in the place of w'.
    hvp
        H u by double backward (``"exact"``, as the authors) or by the central difference over
        w +- radius u / ||u|| (``"fd"``). Networks with ReLU have kinks, which a difference crosses and a
        derivative does not know: only ``"fd"`` measures H as S^T M is measured.
    radius
        Of the differences.
    decay
        Count the weights' decay as part of L_train: H + lambda I for H.

    Raises
    ------
    ConfigError
        The weight optimiser is not SGD, or has dampening or ascends.
    """

    compares_passes = True

    def __init__(
        self, terms: int = TERMS, hvp: str = "exact", radius: float = RADIUS, decay: bool = False
    ) -> None:
        problems = []
        if terms < 0:
            problems.append(f"method.K: got {terms}; it must be 0 or more.")
        if hvp not in ("exact", "fd"):
            problems.append(f'method.hvp: got "{hvp}"; write "exact" or "fd" (finite difference).')
        if not radius > 0:
            problems.append(f"method.radius: got {radius}; it must be greater than 0.")
        if problems:
            raise ConfigError(*problems)
        self.terms, self.exact, self.radius, self.decay = terms, hvp == "exact", radius, decay

    @property
    def passes(self) -> tuple[int, int, str]:
        """Forwards and backwards of a step that moves the architecture, and what they are."""
        shared = min(self.terms, 1)
        products = (shared, shared + self.terms) if self.exact else (2 * self.terms, 2 * self.terms)
        what = f"validation at w, {self.terms} products with the Hessian of training at w, "
        what += "training at w + RS and w - RS for the architecture, then the weights"
        return 4 + products[0], 4 + products[1], what

    def check(self, state: SearchState) -> None:
        """Refuse what the formula does not hold for, before the first step."""
        state.sgd()

    def __call__(self, state: SearchState) -> list[Tensor]:
        sgd = state.sgd()
        direct, vector = outer_gradients(state, sgd.weights)
        total = self.series(state, sgd, vector)
        # gamma may differ between weights: it goes into S, and R turns into R / gamma.
        radius = self.radius / norm(sgd.scaled(vector))
        with state.displaced(sgd.weights) as displacement:
            implicit = mixed_by_difference(state, displacement, sgd.scaled(total), radius)
        return [d - p for d, p in zip(direct, implicit, strict=True)]

    def series(self, state: SearchState, sgd: Sgd, vector: list[Tensor]) -> list[Tensor]:
        """S, the truncated sum applied to ``vector``."""
        if not self.terms:
            return vector
        term = total = vector
        with self._product(state, sgd) as product:
            for _ in range(self.terms):
                term = list(torch._foreach_sub(term, sgd.scaled(product(term))))
                total = list(torch._foreach_add(total, term))
        return total

    @contextmanager
    def _product(self, state: SearchState, sgd: Sgd) -> Iterator[Product]:
        """What multiplies a vector with the Hessian, at w throughout."""
        way = hessian_exactly(state, sgd) if self.exact else hessian_by_difference(state, sgd, self.radius)
        with way as product:
            yield (lambda u: list(torch._foreach_add(product(u), sgd.decayed(u)))) if self.decay else product
