"""The curvature of the validation loss in the architecture: its largest eigenvalue foretells DARTS's failure.

Zela et al., ICLR 2020. At the weights as they are: nothing is unrolled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from nni_darts.state import SearchState

ITERATIONS = 100
TOLERANCE = 1e-4
"""Of the power iteration: at most so many products, until |Hv - value v| is below this share of |value|.

The error of the value is of the order of its square.
"""


def hessian(state: SearchState) -> Tensor:
    """Second derivative of L_val in all architecture parameters, in their order, shape ``[n, n]``.

    On the state's validation batch, in the mode the network is in; exact, by n backwards through the
    gradient. Statistics, random generators and logs stay as they are.
    """
    with _gradient(state) as (gradient, derivative):
        return torch.stack([derivative(entry) for entry in gradient])


def largest_eigenvalue(state: SearchState) -> float:
    """The largest value, not the largest magnitude, of the exact Hessian."""
    matrix = hessian(state).double().cpu()
    return float(torch.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])


def largest_eigenvalue_by_products(
    state: SearchState, iterations: int = ITERATIONS, tolerance: float = TOLERANCE
) -> float:
    """The same by power iteration: one backward a product, for spaces of many choices."""
    with _gradient(state) as (gradient, derivative):

        def product(vector: Tensor) -> Tensor:
            return derivative(gradient @ vector)

        found = _dominant(product, gradient.detach(), iterations, tolerance)
        if found >= 0:
            return found
        # The most negative one dominates: lift all of them by it, and the largest one does.
        return found + _dominant(lambda v: product(v) - found * v, gradient.detach(), iterations, tolerance)


def _dominant(product: Callable[[Tensor], Tensor], like: Tensor, iterations: int, tolerance: float) -> float:
    """The eigenvalue of the largest magnitude of a symmetric matrix."""
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(len(like), generator=generator, dtype=torch.float64).to(like)
    value = 0.0
    for _ in range(iterations):
        vector = vector / torch.linalg.vector_norm(vector)
        image = product(vector)
        value = float(vector @ image)
        if torch.linalg.vector_norm(image - value * vector) <= tolerance * abs(value):
            break
        vector = image
    return value


@contextmanager
def _gradient(state: SearchState) -> Iterator[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """dL_val / dalpha as one vector, and what differentiates a number made of it once more."""
    parameters = state.outer_parameters
    device = parameters[0].device
    generators = [device] if device.type == "cuda" else []

    def derivative(number: Tensor) -> Tensor:
        return _flat(state.gradient(number, parameters, keep_graph=True))

    with (
        torch.random.fork_rng(generators),
        state.restored_statistics(),
        state.constant_weights(),
        torch.enable_grad(),
    ):
        yield _flat(state.gradient(state.outer_loss(), parameters, create_graph=True)), derivative


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
