"""The gradient of the outer objective with respect to the architecture (DARTS, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState

RADIUS = 0.01
"""R times the norm of v in the finite difference (DARTS, footnote 2)."""


def first_order(state: SearchState) -> list[Tensor]:
    """d L_val(w, alpha) / d alpha: the current weights stand in for the optimal ones (xi = 0).

    Returns
    -------
    One gradient per architecture parameter, in the relaxation's order.
    """
    with state.constant_weights():
        loss = state.outer_loss()
    return state.gradient(loss, state.outer_parameters)


class Unrolled:
    """The gradient through one unrolled weight step: second-order DARTS, equations 6 to 8.

    With w' = w - xi (mu b + grad_w L_train(w) + lambda w), where xi, mu, lambda and the buffer b are those
    of the weight optimiser (no clipping here, although the real step clips),

        g = d L_val(w', alpha) / d alpha - xi * d^2 L_train(w, alpha) / (d alpha d w) v,   v = d L_val / d w'.

    Parameters
    ----------
    hvp
        ``"fd"``: the product with the mixed second derivative by the central difference over w +- R v with
        R = radius / ||v||, as the authors do. ``"exact"``: by double backward. On a network with ReLU or
        max pooling these are different estimators, not two precisions of one: the difference crosses kinks.
    radius
        Only for ``"fd"``.

    Raises
    ------
    ConfigError
        The weight optimiser is not plain SGD, for which w' above would be wrong.
    """

    def __init__(self, hvp: str = "fd", radius: float = RADIUS) -> None:
        if hvp not in ("fd", "exact"):
            raise ConfigError(f'method.hvp: got "{hvp}"; write "fd" (finite difference) or "exact".')
        if not radius > 0:
            raise ConfigError(f"method.radius: got {radius}; it must be greater than 0.")
        self.exact = hvp == "exact"
        self.radius = radius

    def check(self, state: SearchState) -> None:
        """Refuse an evaluator whose optimiser is not plain SGD before the first step."""
        state.sgd_weights()

    def __call__(self, state: SearchState) -> list[Tensor]:
        weights = state.sgd_weights()
        names = [weight.name for weight in weights]
        parameters = [weight.parameter for weight in weights]

        train_loss = state.inner_loss()
        gradients = state.gradient(train_loss, parameters, create_graph=self.exact)
        virtual = {
            weight.name: weight.moved_against(gradient.detach()).requires_grad_()
            for weight, gradient in zip(weights, gradients, strict=True)
        }
        # The virtual network is thrown away, and its running statistics with it.
        valid_loss = state.outer_loss(virtual, state.copied_buffers())
        outer = state.gradient(valid_loss, [*state.outer_parameters, *virtual.values()])
        direct, vector = outer[: len(state.outer_parameters)], outer[len(state.outer_parameters) :]

        # xi may differ between parameter groups: scale v by xi / max xi, and the product by max xi.
        rate = max(weight.lr for weight in weights)
        if rate == 0:
            return direct
        vector = [
            v if weight.lr == rate else v * (weight.lr / rate)
            for v, weight in zip(vector, weights, strict=True)
        ]
        if self.exact:
            product = self._double_backward(state, gradients, vector)
        else:
            product = self._finite_difference(state, dict(zip(names, parameters, strict=True)), vector)
        return [d - rate * p for d, p in zip(direct, product, strict=True)]

    def _double_backward(
        self, state: SearchState, gradients: Sequence[Tensor], vector: Sequence[Tensor]
    ) -> list[Tensor]:
        inner_product = sum((g * v).sum() for g, v in zip(gradients, vector, strict=True) if g.requires_grad)
        if not isinstance(inner_product, Tensor):
            return [torch.zeros_like(alpha) for alpha in state.outer_parameters]
        return state.gradient(inner_product, state.outer_parameters)

    def _finite_difference(
        self, state: SearchState, weights: dict[str, Tensor], vector: Sequence[Tensor]
    ) -> list[Tensor]:
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in vector]))
        # Where v vanishes so does the product; the bound only keeps 0 * inf away. R stays on the device.
        radius = self.radius / norm.clamp_min(1e-12)
        sides = []
        for sign in (1, -1):
            # These passes run on the real network's buffers: the official code updates its running
            # statistics here too.
            moved = {
                name: weight.detach() + sign * radius * v
                for (name, weight), v in zip(weights.items(), vector, strict=True)
            }
            sides.append(state.gradient(state.inner_loss(moved), state.outer_parameters))
        return [(plus - minus) / (2 * radius) for plus, minus in zip(*sides, strict=True)]
