"""The decay of the weights, multiplied."""

from __future__ import annotations

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.weight_decay import ScaledDecay, decay_of
from nni_darts.recipe import build_recipe
from tests.toy import paper_toy


def test_it_is_a_multiple_of_what_was_configured_however_often_it_is_asked():
    state = paper_toy(weight_decay=3e-4)
    (group,) = state.optimizer().param_groups
    schedule = ScaledDecay(factor=3, growth=10)
    decays = []
    for state.returns in (0, 0, 2, 1):
        schedule(state)
        decays.append(group["weight_decay"])
    assert decays == pytest.approx([9e-4, 9e-4, 9e-2, 9e-3])


def test_a_resumed_optimiser_is_not_multiplied_again():
    first, second = paper_toy(weight_decay=0.1), paper_toy(weight_decay=0.1)
    ScaledDecay(4)(first)
    second.optimizer().load_state_dict(first.optimizer().state_dict())
    ScaledDecay(4)(second)
    assert second.optimizer().param_groups[0]["weight_decay"] == pytest.approx(0.4)


@pytest.mark.parametrize("sgd", [{}, {"weight_decay": 0.0}])
def test_nothing_to_multiply_is_refused(sgd):
    with pytest.raises(ConfigError, match="search.weight_decay: got 0.*must be greater than 0"):
        ScaledDecay(3)(paper_toy(**sgd))


def test_the_decay_that_an_optimiser_adds_to_gradients():
    alpha = torch.nn.Parameter(torch.zeros(2))
    assert decay_of(torch.optim.Adam([alpha], weight_decay=0.25)) == 0.25
    assert decay_of(torch.optim.SGD([alpha], 0.1, weight_decay=0.5)) == 0.5
    assert decay_of(torch.optim.AdamW([alpha], weight_decay=0.25)) == 0
    other = torch.nn.Parameter(torch.zeros(2))
    groups = [{"params": [alpha], "weight_decay": 1.0}, {"params": [other], "weight_decay": 2.0}]
    with pytest.raises(ConfigError, match=r"the groups of Adam differ in their decay: \[1.0, 2.0\]"):
        decay_of(torch.optim.Adam(groups))


def test_two_of_them_are_refused():
    twice = build_recipe("r-darts-l2").with_parts({"stopping": "decay-jump"})
    assert set(twice.conflicts()) == {
        "ScaledDecay (schedules) needs to be the only schedule of the weights' decay"
    }
    for method, parts in (
        ("darts", {"stopping": "decay-jump"}),
        ("pc-darts", {"schedules": [{"name": "scaled-decay", "factor": 3}]}),
    ):
        assert build_recipe(method).with_parts(parts).conflicts() == []
