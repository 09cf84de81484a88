"""The gradient of the outer objective with respect to the architecture (DARTS, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.sgd import Sgd
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
        return state.gradient(state.outer_loss(), state.outer_parameters)


class Unrolled:
    """The gradient through one unrolled weight step: second-order DARTS, equations 6 to 8.

    With w' = w - xi (mu b + grad_w L_train(w) + lambda w), where xi, mu, lambda and the buffer b are those
    of the weight optimiser (no clipping here, although the real step clips),

        g = d L_val(w', alpha) / d alpha - xi * d^2 L_train(w, alpha) / (d alpha d w) v,   v = d L_val / d w'.

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

    Raises
    ------
    ConfigError
        The weight optimiser is not plain SGD, for which w' above would be wrong; or the mixtures are drawn.
    """

    def __init__(self, hvp: str = "fd", radius: float = RADIUS) -> None:
        if hvp not in ("fd", "exact"):
            raise ConfigError(f'method.hvp: got "{hvp}"; write "fd" (finite difference) or "exact".')
        if not radius > 0:
            raise ConfigError(f"method.radius: got {radius}; it must be greater than 0.")
        self.exact = hvp == "exact"
        self.radius = radius

    def check(self, state: SearchState) -> None:
        """Refuse what the formula does not hold for, before the first step."""
        state.sgd()
        if state.relaxation.draws:
            raise ConfigError(
                f"method: second order does not go with {type(state.relaxation).__name__}, which draws other "
                "weights in every forward: the finite difference would measure the draws. Write order: 1."
            )

    def __call__(self, state: SearchState) -> list[Tensor]:
        direct, product = self._exactly(state) if self.exact else self._by_difference(state)
        return [d - p for d, p in zip(direct, product, strict=True)]

    def _by_difference(self, state: SearchState) -> tuple[list[Tensor], list[Tensor]]:
        """First term, and xi times the product by finite difference."""
        sgd = state.sgd()
        with state.displaced(sgd.weights) as displacement:
            with state.constant_architecture():
                displacement.to(sgd.change(state.gradient(state.inner_loss(), sgd.weights)))
            direct, vector = _outer_gradients(state, sgd)
            # xi may differ between weights: it goes into v, and R turns into R / xi.
            vector = sgd.scaled(vector)
            radius = self.radius / _norm(vector)
            sides = []
            for signed in (radius, -radius):
                # The official code, too, updates the running statistics in these passes.
                displacement.to(vector, signed)
                with state.constant_weights():
                    sides.append(state.gradient(state.inner_loss(), state.outer_parameters))
        plus, minus = sides
        return direct, [(p - m) / (2 * radius) for p, m in zip(plus, minus, strict=True)]

    def _exactly(self, state: SearchState) -> tuple[list[Tensor], list[Tensor]]:
        """First term, and xi times the product by double backward through the gradient of the first pass."""
        sgd = state.sgd()
        gradients = state.gradient(state.inner_loss(), sgd.weights, create_graph=True)
        with state.displaced(sgd.weights, keep_graphs=True) as displacement:
            displacement.to(sgd.change([gradient.detach() for gradient in gradients]))
            direct, vector = _outer_gradients(state, sgd)
        pairs = zip(gradients, sgd.scaled(vector), strict=True)
        inner_product = sum((g * v).sum() for g, v in pairs if g.requires_grad)
        if not isinstance(inner_product, Tensor):
            return direct, [torch.zeros_like(alpha) for alpha in state.outer_parameters]
        return direct, state.gradient(inner_product, state.outer_parameters)


def _outer_gradients(state: SearchState, sgd: Sgd) -> tuple[list[Tensor], list[Tensor]]:
    """Of L_val at the weights as they stand: in alpha, and in w."""
    count = len(state.outer_parameters)
    # The virtual network is thrown away, and its running statistics with it.
    with state.restored_statistics():
        gradients = state.gradient(state.outer_loss(), [*state.outer_parameters, *sgd.weights])
    return gradients[:count], gradients[count:]


def _norm(vector: Sequence[Tensor]) -> Tensor:
    """Length over all tensors together, on their device."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(vector))))
    # Where v vanishes so does the product; the bound only keeps 0 * inf away.
    return norm.clamp_min(torch.finfo(norm.dtype).tiny)
