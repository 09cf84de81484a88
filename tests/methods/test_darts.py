"""Card darts, "How a test proves it": items 4, 5 and 7.

Item 2 is in tests/parts/test_relaxation.py, item 3 in test_derivation.py, items 1 and 6 in test_architect.py,
and the number of weights of item 7 in tests/search_spaces/test_darts.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional

from nni_darts.genotype import PRIMITIVES
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import Unrolled
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.state import SearchState
from nni_darts.supernet.layer import MixedLayer
from search_spaces import DartsSpace
from tests.supernet.fused.pairs import search_module


def state_of(primitives: tuple[str, ...] = PRIMITIVES, **macro: int) -> SearchState:
    """Of a generic supernet with SGD, in float64, and batches of both levels."""
    torch.manual_seed(0)
    search = search_module(DartsSpace(primitives=primitives, num_classes=3, **macro), "generic")
    sgd = torch.optim.SGD(search.model.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
    search.state.optimizer = lambda: sgd
    x, y = torch.randn(2, 8, 3, 8, 8, dtype=torch.float64), torch.randint(0, 3, (2, 8))
    search.state.train_batch, search.state.valid_batch = (x[0], y[0]), (x[1], y[1])
    return search.state


@pytest.mark.parametrize(("order", "calls"), [(1, 1_792), (2, 4_480)])
def test_item_4_calls_of_candidates(order: int, calls: int):
    """896 a forward, of 8 cells of 14 edges of 8: two forwards a step in first order, five in second."""
    state = state_of(init_channels=1, layers=8)
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    for layer in state.objective.modules():
        for name in layer.names if isinstance(layer, MixedLayer) else ():
            layer[name].register_forward_hook(counted)
    darts(order).architect(state)
    state.training_loss()
    assert count == calls


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Softplus for every ReLU."""
    monkeypatch.setattr(torch.Tensor, "relu", lambda x: functional.softplus(x))
    yield


@pytest.mark.usefixtures("smooth")
def test_item_5_on_a_smooth_supernet_the_difference_is_the_exact_product():
    """Average pools for max pools: no kinks. The error falls with the square of the radius."""
    primitives = tuple(name for name in PRIMITIVES if name != "max_pool_3x3")
    state = state_of(primitives, init_channels=4, layers=3, nodes=2)

    def product(architect: Unrolled) -> torch.Tensor:
        by_parts = architect._exactly if architect.exact else architect._by_difference
        return torch.cat([part.flatten() for part in by_parts(state)[1]])

    exact = product(Unrolled("exact"))

    def error(radius: float) -> float:
        return float((product(Unrolled("fd", radius)) - exact).norm() / exact.norm())

    assert error(0.01) < 7e-4
    assert error(0.1) / error(0.05) == pytest.approx(4, rel=0.1)


def test_item_7_the_first_step_of_the_architectures_adam():
    alpha = nn.Parameter(torch.tensor([0.001, -0.002, 0.0], dtype=torch.float64))
    optimizer = OuterOptimiser()([alpha])
    alpha.grad = torch.tensor([0.5, -0.1, 0.0], dtype=torch.float64)
    optimizer.step()
    expected = torch.tensor([0.0007, -0.0017, 0.0], dtype=torch.float64)
    assert torch.allclose(alpha.detach(), expected, atol=1e-7)
