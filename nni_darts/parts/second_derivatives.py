"""Products with second derivatives of L_train, for gradients of the architecture through the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from nni_darts.state import SearchState
from nni_darts.state.displacement import Displacement
from nni_darts.state.sgd import Sgd

RADIUS = 0.01
"""R times the norm of v in the finite difference (DARTS, footnote 2)."""


def outer_gradients(state: SearchState, weights: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Of L_val at the weights as they stand: in alpha, and in w."""
    count = len(state.outer_parameters)
    gradients = state.gradient(state.outer_loss(), [*state.outer_parameters, *weights])
    return gradients[:count], gradients[count:]


def mixed_by_difference(
    state: SearchState, displacement: Displacement, vector: Sequence[Tensor], radius: Tensor
) -> list[Tensor]:
    """d^2 L_train / (d alpha d w) times ``vector``, by the central difference over w +- radius vector."""

    def gradient() -> list[Tensor]:
        with state.constant_weights():
            return state.gradient(state.inner_loss(), state.outer_parameters)

    return _difference(state, gradient, displacement, vector, radius)


def _difference(
    state: SearchState,
    gradient: Callable[[], list[Tensor]],
    displacement: Displacement,
    vector: Sequence[Tensor],
    radius: Tensor,
) -> list[Tensor]:
    sides = []
    for signed, again in ((radius, False), (-radius, True)):
        # The official codes, too, update the running statistics in these passes.
        displacement.to(vector, signed)
        with state.weights.repeating(again):
            sides.append(gradient())
    plus, minus = sides
    return [(p - m) / (2 * radius) for p, m in zip(plus, minus, strict=True)]


def derivative_along(
    state: SearchState,
    gradients: Sequence[Tensor],
    vector: Sequence[Tensor],
    parameters: Sequence[Tensor],
    keep_graph: bool = False,
) -> list[Tensor]:
    """d (gradients . vector) / d parameters, with ``vector`` constant: a product with second derivatives."""
    pairs = zip(gradients, vector, strict=True)
    inner_product = sum((g * v).sum() for g, v in pairs if g.requires_grad)
    if not isinstance(inner_product, Tensor):
        return [torch.zeros_like(parameter) for parameter in parameters]
    return state.gradient(inner_product, parameters, keep_graph=keep_graph)


def norm(vector: Sequence[Tensor]) -> Tensor:
    """Length over all tensors together, on their device."""
    length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(vector))))
    # Where v vanishes so does the product; the bound only keeps 0 * inf away.
    return length.clamp_min(torch.finfo(length.dtype).tiny)


Product = Callable[[Sequence[Tensor]], list[Tensor]]
"""A vector, one tensor per weight, to the Hessian of L_train in the weights times it."""


@contextmanager
def hessian_exactly(state: SearchState, sgd: Sgd) -> Iterator[Product]:
    """Products by double backward through one gradient, which all of them share."""
    with state.constant_architecture():
        gradients = state.gradient(state.inner_loss(), sgd.weights, create_graph=True)
        yield lambda vector: derivative_along(state, gradients, vector, sgd.weights, keep_graph=True)


@contextmanager
def hessian_by_difference(state: SearchState, sgd: Sgd, radius: float) -> Iterator[Product]:
    """Products by the central difference over w +- radius vector / ||vector||."""
    with state.displaced(sgd.weights) as displacement, state.constant_architecture():

        def gradient() -> list[Tensor]:
            return state.gradient(state.inner_loss(), sgd.weights)

        yield lambda vector: _difference(state, gradient, displacement, vector, radius / norm(vector))
