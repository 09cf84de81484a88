"""Card r-darts, "How a test proves it", item 5."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nni_darts.capture import step
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_second_order
from nni_darts.parts.architect import Unrolled
from nni_darts.recipe import build_recipe
from nni_darts.supernet.fused import nodes
from tests.capture import searches
from tests.capture.fakes import Tape
from tests.methods.tiny import is_equal, searched, state_of
from tests.toy import paper_toy


@pytest.mark.parametrize("factor", [1, 3, 9, 27, 81])
def test_the_factor_enters_the_unrolled_weights(factor):
    """Item 5, in closed form: the DARTS paper's example at (alpha, w) = (2, -2) with xi = 0.1.

    L_train' = 2 w - 2 a = -8, so w' = -2 - 0.1 (-8 - 2 l) = -1.2 + 0.2 l for a decay l; the direct term is
    dL_val/da (w') = w' - 2; v = dL_val/dw' = a = 2, and the second term -xi * d2L_train/(da dw) v = 0.4.
    """
    state = paper_toy(lr=0.1, weight_decay=3e-4)
    (schedule,) = build_recipe("r-darts-l2", factor=factor).schedules or (lambda _: None,)
    schedule(state)
    (gradient,) = Unrolled("exact")(state)
    assert float(gradient) == pytest.approx(-3.2 + 0.2 * 3e-4 * factor + 0.4, abs=1e-12)


@pytest.mark.parametrize("factor", [1, 81])
def test_the_factor_acts_on_the_weights_alone(factor):
    """Item 5: one step of either level moves w by -lr (gradient + factor decay w), and alpha by no decay."""
    recipe = build_recipe("r-darts-l2", factor=factor, order=1)
    strategy = searched(recipe, epochs=1)
    weights, architecture = decays(strategy)
    assert weights == pytest.approx([3e-4 * factor])
    assert architecture == [1e-3]
    state = paper_toy(lr=0.1, weight_decay=3e-4)
    for schedule in recipe.schedules:
        schedule(state)
    recipe.weight_step(state)
    moved = -2 - 0.1 * (-8 + 3e-4 * factor * -2)
    assert state.objective.training_module.weight.item() == pytest.approx(moved, abs=1e-12)
    assert state.outer_parameters[0].item() == 2


def decays(strategy: Any) -> tuple[list[float], list[float]]:
    """Of the weights' optimiser and of the architecture's, one for each group."""
    module = strategy.oneshot_module
    outer = module.state.outer_optimizer()
    return [[group["weight_decay"] for group in o.param_groups] for o in (module.state.optimizer(), outer)]


def test_factor_1_is_darts_to_the_bit_and_another_one_is_not():
    plain = state_of(searched(darts_second_order()))
    assert is_equal(state_of(searched(build_recipe("r-darts-l2", factor=1))), plain)
    assert not is_equal(state_of(searched(build_recipe("r-darts-l2", factor=3))), plain)


def test_it_is_darts_with_that_decay():
    """To rounding: 3e-4 times 27 is not 8.1e-3 to the last bit."""
    factor = searches.search(None, order=2, recipe_parts=vars_of(27.0), settings={"weight_decay": 1e-2})
    decay = searches.search(None, order=2, settings={"weight_decay": 0.27})
    assert searches.largest_difference(state_of(factor), state_of(decay)) < 1e-5


def vars_of(factor: float) -> dict[str, Any]:
    return {"schedules": build_recipe("r-darts-l2", factor=factor).schedules}


def test_it_acts_in_recorded_steps(monkeypatch):
    monkeypatch.setattr(step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    tape = Tape(fused=False)
    plain, taped = (searches.search(graphs, recipe_parts=vars_of(81.0)) for graphs in (None, tape))
    assert sum(recording.replays for recording in tape.tapes) > 0
    assert searches.largest_difference(state_of(plain), state_of(taped)) < 1e-4
    without = searches.search(None)
    assert searches.largest_difference(state_of(plain), state_of(without)) > 1e-3


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_wrong_factors_are_one_sentence(factor):
    with pytest.raises(ConfigError, match=f"method.factor: got {factor}; it must be greater than 0"):
        build_recipe("r-darts-l2", factor=factor)


def test_mixed_precision_has_the_same_decay():
    strategy = searches.search(None, epochs=1, recipe_parts=vars_of(9.0), trainer={"precision": "bf16-mixed"})
    assert decays(strategy)[0] == pytest.approx([27e-4])
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state_of(strategy).values())
