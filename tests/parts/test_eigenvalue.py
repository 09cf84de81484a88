"""Card r-darts, "How a test proves it", item 3, and the Hessian of a network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nni_darts.parts.eigenvalue import hessian, largest_eigenvalue, largest_eigenvalue_by_products
from nni_darts.parts.relaxation import Softmax
from nni_darts.state import SearchState
from nni_darts.supernet.checkpoint import checkpoint_each_cell
from nni_darts.supernet.structure import Choice, Structure
from search_spaces import DartsSpace
from tests.supernet.fused.pairs import search_module
from tests.toy import Bilevel, state_of


def quadratic(matrix: Tensor) -> SearchState:
    """L_val = 0.5 a^T Q a, alpha in two labels."""
    relaxation = Softmax({"first": 1, "second": len(matrix) - 1}).double()
    first, second = relaxation.alphas

    def valid(w: Tensor, _: Tensor) -> Tensor:
        alpha = torch.cat([first, second])
        return 0.5 * alpha @ matrix @ alpha + 0 * w

    module = Bilevel(1.0, first, {"val": valid})
    structure = Structure({label: Choice(("a",)) for label in ("first", "second")})
    return state_of(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure)


Q = torch.tensor([[1.5, 0.5], [0.5, 3.5]], dtype=torch.float64)


def test_the_hessian_runs_over_all_labels():
    assert torch.equal(hessian(quadratic(Q)), Q)


@pytest.mark.parametrize("measure", [largest_eigenvalue, largest_eigenvalue_by_products])
@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (Q, 3.618033988749895),
        (-Q, -1.381966011250105),  # the largest, not the one of the largest magnitude, -3.618
        (torch.diag(torch.tensor([1.0, -5.0, 2.0], dtype=torch.float64)), 2.0),
        (torch.zeros(2, 2, dtype=torch.float64), 0.0),
    ],
)
def test_the_largest_eigenvalue(measure, matrix, expected):
    assert measure(quadratic(matrix)) == pytest.approx(expected, abs=1e-5)


def network(kind: str = "generic") -> SearchState:
    search = search_module(DartsSpace(init_channels=2, layers=3, nodes=1), kind)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)
    search.state.valid_batch = x, torch.randint(0, 10, (4,), generator=generator)
    return search.state


def test_of_a_network_it_is_the_derivative_of_the_gradient():
    state = network()
    found = hessian(state)
    assert found.shape == (32, 32)
    assert torch.allclose(found, found.T, atol=1e-9)
    alpha, step = state.outer_parameters[1], 1e-5
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            alpha[3] += sign * step
        sides.append(torch.cat(state.gradient(state.outer_loss(), state.outer_parameters)))
        with torch.no_grad():
            alpha[3] -= sign * step
    difference = (sides[0] - sides[1]) / (2 * step)
    assert torch.allclose(found[8 + 3], difference, rtol=1e-4, atol=1e-6 * float(found.abs().max()))


def test_power_iteration_finds_the_exact_value_of_a_network():
    exact = largest_eigenvalue(network())
    assert exact > 0
    assert largest_eigenvalue_by_products(network(), 1000, 1e-6) == pytest.approx(exact, rel=1e-4)


def test_fused_equals_generic():
    generic, fused = hessian(network("generic")), hessian(network("fused"))
    assert float((generic - fused).abs().max() / generic.abs().max()) < 1e-8


def test_checkpointed_cells_give_the_same():
    plain, checkpointed = network(), network()
    checkpoint_each_cell(checkpointed.objective.training_module.model, checkpointed.weights)
    assert torch.equal(hessian(plain), hessian(checkpointed))


def test_it_leaves_no_trace():
    state = network()
    buffers = [buffer.clone() for buffer in state.objective.buffers()]
    random = torch.get_rng_state()
    with torch.no_grad():  # as callbacks are called
        largest_eigenvalue(state)
        largest_eigenvalue_by_products(state)
    assert all(map(torch.equal, buffers, state.objective.buffers()))
    assert torch.equal(random, torch.get_rng_state())
    assert all(weight.requires_grad for weight in state.objective.parameters())
    assert all(p.grad is None for p in [*state.objective.parameters(), *state.outer_parameters])
