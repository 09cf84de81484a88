"""Checkpointed cells give the same search, to the last bit, and keep less."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.check.supernet import Classification
from nni_darts.darts import DARTS
from nni_darts.engine import SearchModule
from nni_darts.errors import ConfigError
from nni_darts.memory import high_water
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.state.displacement import Snapshot
from nni_darts.supernet.checkpoint import CheckpointedForward
from search_spaces import DartsSpace
from tests.supernet.spaces import One, layers
from tests.test_strategy import alphas, run


class WithDropout(DartsSpace):
    """Every cell draws random numbers."""

    def __init__(self) -> None:
        super().__init__(init_channels=2, layers=3, nodes=2)
        for cell in self.cells:
            cell.pre1 = nn.Sequential(cell.pre1, nn.Dropout(0.3))


def module(kind: str, checkpoint_cells: bool, space: Callable[[], ModelSpace] = WithDropout) -> SearchModule:
    torch.manual_seed(5)
    strategy = DARTS(order=1, supernet=kind, checkpoint_cells=checkpoint_cells)
    model = strategy.mutate_model(space()).double()
    search = strategy.configure_oneshot_module(Classification())
    search.set_model(model)
    search.relaxation.double()
    with torch.no_grad():
        for alpha in search.relaxation.alphas:
            alpha.normal_()
    sgd = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
    state = search.state
    state.optimizer = lambda: sgd
    x = torch.randn(2, 4, 3, 8, 8, dtype=torch.float64)
    y = torch.randint(0, 10, (2, 4))
    state.train_batch, state.valid_batch = (x[0], y[0]), (x[1], y[1])
    return search


def step(search: SearchModule, architect: Callable[..., Any]) -> dict[str, Tensor]:
    """What a step computes and leaves behind: gradients of both levels, buffers, random numbers."""
    torch.manual_seed(6)
    outer = architect(search.state)
    search.state.training_loss().backward()
    return {
        **{f"outer {index}": gradient for index, gradient in enumerate(outer)},
        **{name: weight.grad for name, weight in search.model.named_parameters()},
        **{name: buffer.clone() for name, buffer in search.model.named_buffers()},
        "generator": torch.get_rng_state(),
    }


def differing(kind: str, architect: Callable[..., Any]) -> list[str]:
    plain, checkpointed = (step(module(kind, again), architect) for again in (False, True))
    assert plain.keys() == checkpointed.keys()
    return [name for name in plain if not torch.equal(plain[name], checkpointed[name])]


@pytest.mark.parametrize("kind", ["generic", "fused"])
@pytest.mark.parametrize("architect", [first_order, Unrolled("fd"), Unrolled("exact")])
def test_a_step_is_the_same_to_the_bit(kind, architect):
    assert differing(kind, architect) == []


def test_statistics_that_are_not_guarded_would_count_a_batch_twice(monkeypatch):
    monkeypatch.setattr("nni_darts.supernet.checkpoint.Snapshot", Unguarded)
    found = differing("generic", first_order)
    assert any(name.endswith("running_mean") for name in found)
    assert any(name.endswith("num_batches_tracked") for name in found)


class Unguarded(Snapshot):
    def restore(self) -> None:
        pass


def test_a_later_forward_does_not_change_the_backward_of_an_earlier_one():
    """In between the architecture has moved: a cell's second run must see the mixture of its first."""
    found = []
    for again in (False, True):
        search = module("generic", again)
        torch.manual_seed(6)
        loss = search.state.outer_loss()
        with torch.no_grad():
            for alpha in search.relaxation.alphas:
                alpha.add_(torch.linspace(-2, 2, len(alpha)))
        search.state.inner_loss()
        found.append(search.state.gradient(loss, search.state.outer_parameters))
    assert all(map(torch.equal, *found))


def test_a_graph_that_is_kept_may_be_differentiated_again():
    state = module("generic", True).state
    loss = state.outer_loss()
    first, second = (torch.autograd.grad(loss, state.outer_parameters, retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize("kind", ["generic", "fused"])
def test_less_is_kept(kind):
    kept = []
    for again in (False, True):
        state = module(kind, again, partial(DartsSpace, init_channels=2, layers=6, nodes=2)).state
        with high_water("cpu") as found:
            state.gradient(state.outer_loss(), state.outer_parameters)
        kept.append(found.bytes)
    assert kept[1] < 0.55 * kept[0]


def test_nothing_is_checkpointed_where_nothing_would_be_kept(monkeypatch):
    monkeypatch.setattr("nni_darts.supernet.checkpoint.checkpoint", None)
    with torch.no_grad():
        module("generic", True).state.outer_loss()


@pytest.mark.parametrize("draws", [False, True])
def test_a_recording_is_refused_only_to_cells_that_draw_random_numbers(monkeypatch, draws):
    space = WithDropout if draws else partial(DartsSpace, init_channels=2, layers=3, nodes=2)
    state = module("generic", True, space).state
    state.outer_loss()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    if draws:
        with pytest.raises(RuntimeError, match="draws random numbers"):
            state.outer_loss()
    else:
        state.gradient(state.outer_loss(), state.outer_parameters)


def test_cells_of_nni_are_cells():
    plain, checkpointed = (run(DARTS(order=2, arch_lr=0.1, checkpoint_cells=on)) for on in (False, True))
    names = [name for name, m in checkpointed.supernet.named_modules() if has_other_forward(m)]
    assert names == ["cell", "loose"]
    assert torch.equal(alphas(plain), alphas(checkpointed))


def has_other_forward(found: nn.Module) -> bool:
    return isinstance(vars(found).get("forward"), CheckpointedForward)


class Stages(One):
    """Stages of the user's own; what they hold is not for us to know."""

    def __init__(self) -> None:
        super().__init__(lambda: layers("x", 1.0, 2.0))
        self.cells = nn.ModuleList([nn.Sequential(layers("y", 1.0, 2.0), nn.ReLU()) for _ in range(2)])


def test_a_list_called_cells_declares_them():
    model = DARTS(checkpoint_cells=True).mutate_model(Stages())
    assert [n for n, m in model.named_modules() if has_other_forward(m)] == ["cells.0", "cells.1"]


def test_a_space_without_cells_is_refused():
    with pytest.raises(ConfigError, match=r"search.checkpoint_cells: One has no cells to checkpoint; hold"):
        DARTS(checkpoint_cells=True).mutate_model(One(lambda: layers("x", 1.0, 2.0)))


def test_the_state_dict_has_the_same_names():
    names = [module("fused", again).model.state_dict().keys() for again in (False, True)]
    assert names[0] == names[1]
