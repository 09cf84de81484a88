"""The gradient of the outer objective with respect to the architecture (DARTS, section 2.3)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.parts.demand import REPEATABLE, demands
from nni_darts.parts.second_derivatives import (
    RADIUS,
    derivative_along,
    mixed_by_difference,
    norm,
    outer_gradients,
)
from nni_darts.state import SearchState
from nni_darts.state.sgd import Sgd


def first_order(state: SearchState) -> list[Tensor]:
    """d L_val(w, alpha) / d alpha: the current weights stand in for the optimal ones (xi = 0).

    Returns
    -------
    One gradient per architecture parameter, in the relaxation's order.
    """
    with state.constant_weights():
        return state.gradient(state.outer_loss(), state.outer_parameters)


@demands(REPEATABLE)
class Unrolled:
    """The gradient through one unrolled weight step: second-order DARTS, equations 6 to 8.

    With w' = w - xi (mu b + k grad_w L_train(w) + lambda w), where xi, mu, lambda and the buffer b are those
    of the weight optimiser,

        g = d L_val(w', alpha) / d alpha - xi k d^2 L_train(w, alpha) / (d alpha d w) v,   v = d L_val / d w'.

    With Nesterov's momentum w' = w - xi (mu^2 b + (1 + mu) (k grad_w L_train(w) + lambda w)), and the xi of
    g is xi (1 + mu): the step answers the gradient twice, directly and through the buffer.

    k is 1 without ``clip``, as in the authors' convolutional search, whose real step clips all the same.
    With it, as in their recurrent search, k = min(1, clip / (|grad_w L_train| + 1e-6)), which the derivative
    takes as a constant, and v is made no longer than ``clip`` in the same way.

    With ``hvp="fd"`` a whole step is five forwards and five backwards, the last one being the weight step:

    1. L_train at (w, alpha), gradient in w only: gives w';
    2. L_val at (w', alpha), in w and alpha: gives v and the first term;
    3. and 4. L_train at (w + R v, alpha) and (w - R v, alpha), in alpha only: give the second term;
    5. L_train at (w, new alpha), in w only.

    No two of them evaluate one loss at one point, and each point needs what the passes before it found
    (w' the first, v the second, the new alpha all four), so none can be left out or shared. The weights
    are moved in place: beyond the gradients themselves a step holds one copy of them.

    Parameters
    ----------
    hvp
        ``"fd"``: the product with the mixed second derivative by the central difference over w +- R v with
        R = radius / ||v||, as the authors do. ``"exact"``: by double backward. On a network with ReLU or
        max pooling these are different estimators, not two precisions of one: the difference crosses kinks.
    radius
        Only for ``"fd"``.
    clip
        Largest norm of the two gradients in w; None: whatever it is.
    official
        Be the authors' recurrent search to the last digit, with its two defects: k in front of the second
        derivative is not limited to 1, though the step was not lengthened, and weights that the network
        names twice (``tied_weights``) stay where they are in w'.

    Raises
    ------
    ConfigError
        The weight optimiser is not SGD, or has dampening or ascends: w' above would be wrong.
    """

    def __init__(
        self, hvp: str = "fd", radius: float = RADIUS, clip: float | None = None, official: bool = False
    ) -> None:
        if hvp not in ("fd", "exact"):
            raise ConfigError(f'method.hvp: got "{hvp}"; write "fd" (finite difference) or "exact".')
        if not radius > 0:
            raise ConfigError(f"method.radius: got {radius}; it must be greater than 0.")
        if clip is not None and not clip > 0:
            raise ConfigError(f"method.clip: got {clip}; it must be greater than 0, or null for no limit.")
        self.exact = hvp == "exact"
        self.compares_passes = not self.exact
        self.radius = radius
        self.clip = clip
        self.official = official

    def limited(self, clip: float | None) -> Unrolled:
        """The same with this limit where it has none of its own."""
        if clip is None or self.clip is not None:
            return self
        found = copy.copy(self)
        found.clip = clip
        return found

    def check(self, state: SearchState) -> None:
        """Refuse what the formula does not hold for, before the first step."""
        state.sgd()

    def __call__(self, state: SearchState) -> list[Tensor]:
        direct, product = self._exactly(state) if self.exact else self._by_difference(state)
        return [d - p for d, p in zip(direct, product, strict=True)]

    def _by_difference(self, state: SearchState) -> tuple[list[Tensor], list[Tensor]]:
        """First term, and xi k times the product by finite difference."""
        sgd = state.sgd()
        with state.displaced(sgd.weights) as displacement:
            with state.constant_architecture():
                change, share = self._change(state, sgd, state.gradient(state.inner_loss(), sgd.weights))
            displacement.to(change)
            direct, vector = self._at_the_virtual_weights(state, sgd)
            # xi may differ between weights: it and k go into v, and R turns into R / (xi k).
            vector = self._scaled(sgd, vector, share)
            return direct, mixed_by_difference(state, displacement, vector, self.radius / norm(vector))

    def _exactly(self, state: SearchState) -> tuple[list[Tensor], list[Tensor]]:
        """First term, and xi k times the product by double backward through the first pass's gradient."""
        sgd = state.sgd()
        gradients = state.gradient(state.inner_loss(), sgd.weights, create_graph=True)
        with state.displaced(sgd.weights, keep_graphs=True) as displacement:
            change, share = self._change(state, sgd, [gradient.detach() for gradient in gradients])
            displacement.to(change)
            direct, vector = self._at_the_virtual_weights(state, sgd)
        vector = self._scaled(sgd, vector, share)
        return direct, derivative_along(state, gradients, vector, state.outer_parameters)

    def _at_the_virtual_weights(self, state: SearchState, sgd: Sgd) -> tuple[list[Tensor], list[Tensor]]:
        # The virtual network is thrown away, and its running statistics with it.
        with state.restored_statistics():
            return outer_gradients(state, sgd.weights)

    def _change(self, state: SearchState, sgd: Sgd, gradients: list[Tensor]) -> tuple[list[Tensor], Factor]:
        """w' - w, and the k of the second derivative."""
        gradients, factor = shortened(gradients, self.clip)
        change = sgd.change(gradients)
        if not self.official:
            return change, factor if factor is None else factor.clamp(max=1)
        tied = [id(weight) for weight in _tied_weights(state)]
        stays = [id(weight) in tied for weight in sgd.weights]
        return [torch.zeros_like(c) if s else c for c, s in zip(change, stays, strict=True)], factor

    def _scaled(self, sgd: Sgd, vector: list[Tensor], share: Factor) -> list[Tensor]:
        """xi k v, with the xi of the second derivative."""
        vector = sgd.reached(shortened(vector, self.clip)[0])
        return vector if share is None else list(torch._foreach_mul(vector, share))


Factor = Tensor | None
"""A number on the device; None stands for 1."""


@torch.no_grad()
def shortened(gradients: list[Tensor], length: float | None) -> tuple[list[Tensor], Factor]:
    """All gradients together no longer than ``length``, and the factor that says so, which may exceed 1.

    As ``torch.nn.utils.clip_grad_norm_``, but returned: length / (norm + 1e-6), applied where it is below 1.
    """
    if length is None:
        return gradients, None
    factor = length / (norm(gradients) + 1e-6)
    return list(torch._foreach_mul(gradients, factor.clamp(max=1))), factor


def _tied_weights(state: SearchState) -> list[Tensor]:
    """Weights that modules of the network declare to have two places."""
    return [weight for module in state.objective.modules() for weight in getattr(module, "tied_weights", ())]
