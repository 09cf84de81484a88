"""Card darts-pt, pitfalls: validation data, in batch-statistics mode, without a trace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.parts.criterion import error, loss
from nni_darts.state import SearchState
from search_spaces import DartsSpace
from tests.supernet.fused.pairs import search_module


def network() -> SearchState:
    """A small supernet in float64 with validation data of five images in two batches."""
    state = search_module(DartsSpace(init_channels=2, layers=1, nodes=1), "generic").state
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(5, 3, 8, 8, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 10, (5,), generator=generator)
    state.validation = lambda: [(x[:3], y[:3]), (x[3:], y[3:])]
    return state


def test_the_criterion_is_of_the_whole_half_with_the_statistics_of_each_batch():
    """Evaluation mode, or the mean of the batches' means, would give other numbers."""
    state = network()
    model = state.objective.training_module.model
    with torch.no_grad(), state.restored_statistics():
        logits = torch.cat([model(x) for x, _ in state.validation()])
    y = torch.cat([y for _, y in state.validation()])
    expected = nn.functional.cross_entropy(logits, y)
    assert loss(state) == pytest.approx(float(expected), rel=1e-6)
    assert error(state) == -float((logits.argmax(1) == y).double().mean())
    with torch.no_grad(), state.evaluating():
        other = nn.functional.cross_entropy(torch.cat([model(x) for x, _ in state.validation()]), y)
    assert abs(float(other - expected)) > 1e-3


def draw(*_: Any) -> None:
    """As dropout does."""
    torch.rand(1)


def test_measuring_leaves_no_trace():
    state = network()
    before = [buffer.clone() for buffer in state.objective.buffers()]
    generator = torch.get_rng_state()
    state.relaxation.register_forward_hook(draw)
    assert loss(state) == loss(state)
    assert all(map(torch.equal, before, state.objective.buffers()))
    assert torch.equal(generator, torch.get_rng_state())
    assert all(module.training for module in state.objective.modules())


def test_without_validation_data_it_is_a_sentence():
    state = network()
    state.validation = tuple
    with pytest.raises(ConfigError, match="measures the supernet on validation batches"):
        error(state)
