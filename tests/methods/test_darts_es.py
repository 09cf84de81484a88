"""Card r-darts, "How a test proves it", items 1 to 3, for the early stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from nni_darts.capture import step
from nni_darts.diagnostics import Diagnostics
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.eigenvalue_jump import EigenvalueJump
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.parts.schedule import WarmUp
from nni_darts.parts.stopping import Stop
from nni_darts.recipe import build_recipe
from nni_darts.supernet.fused import nodes
from tests.capture import searches
from tests.capture.fakes import Tape
from tests.methods.tiny import is_equal, searched, state_of
from tests.parts.test_eigenvalue import Q, quadratic
from tests.toy import paper_toy

GOLDEN = (
    *(0.179, 0.148, 0.170, 0.146, 0.121, 0.249, 0.231, 0.360, 0.225, 0.386, 0.208, 0.430, 0.508),
    *(0.229, 0.410, 0.502, 0.500, 0.250, 0.457, 0.517, 0.644, 0.459, 0.707, 1.319, 0.527, 0.521),
)
"""Of the authors' run on S1, CIFAR-10, weight decay 3e-4, seed 1; epochs 0, 2, ..., 48, 49."""


def stop_of(values: Sequence[float], **options: Any) -> tuple[int, Stop] | None:
    """The epoch after which a search of 50 epochs with these eigenvalues stops, and the stop."""
    left = iter(values)
    rule = EigenvalueJump(lambda state: next(left), ridge=0.0, **options)
    state = paper_toy()
    state.epochs = 50
    for state.epoch in range(50):
        stop = rule(state, {"of": state.epoch})
        if stop is not None:
            return state.epoch, stop
    assert next(left, None) is None
    return None


def test_the_authors_run_stops_where_it_did():
    """Item 1; the card's averages of the unrounded values are 0.22141 and 0.32166."""
    epoch, stop = stop_of(GOLDEN)
    assert (epoch, stop.epoch, stop.sample) == (22, 10, {"of": 10})
    assert stop.reason == "the eigenvalue has grown from 0.2214 to 0.3218"


def series(growth: float) -> list[float]:
    return [0.1 * growth**index for index in range(26)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1] * 26, None),
        ([0.1] * 15 + [0.2] * 11, (32, 20)),
        (series(1.04), None),
        (series(1.068), (22, 10)),
        ([0.1] * 25 + [100.0], None),  # the last epoch is recorded and never stopped on
        ([-0.1] * 15 + [-0.2] * 11, None),
    ],
)
def test_synthetic_series(values, expected):
    """Item 2."""
    found = stop_of(values)
    assert (found and (found[0], found[1].epoch)) == expected


@pytest.mark.parametrize(
    ("ridge", "decay", "expected"),
    [(None, 1e-3, 3.61903399), (1e-3, 0.5, 3.61903399), (None, 0.5, 4.11803399), (0.0, 0.5, 3.61803399)],
)
def test_the_ridge_is_the_decay_of_the_architecture_unless_it_is_given(ridge, decay, expected):
    """Item 3."""
    state = quadratic(Q)
    state.outer_optimizer = lambda: torch.optim.Adam(state.outer_parameters, weight_decay=decay)
    rule = EigenvalueJump(ridge=ridge)
    rule(state, {})
    assert rule.metrics()["eigenvalue"] == pytest.approx(expected, abs=1e-8)


def test_in_a_search_the_ridge_is_that_of_the_searchs_own_optimiser():
    def value(decay: float) -> float:
        strategy = searches.search(
            None,
            epochs=1,
            recipe_parts={
                "stopping": EigenvalueJump(),
                "outer_optimiser": OuterOptimiser(0.0, weight_decay=decay),
            },
        )
        return strategy.oneshot_module.epoch_metrics()["eigenvalue"]

    assert value(0.25) - value(0.0) == pytest.approx(0.25, abs=1e-6)


def test_the_value_stays_until_the_next_is_recorded():
    values = iter((1.0, 2.0))
    rule, state = EigenvalueJump(lambda _: next(values), ridge=0.0), paper_toy()
    state.epochs = 9
    assert rule.metrics() == {}
    seen = []
    for state.epoch in range(4):
        rule(state, {})
        seen.append(rule.metrics()["eigenvalue"])
    assert seen == [1.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize("eigenvalue", ["exact", "power"])
def test_measuring_leaves_the_search_as_it_is(eigenvalue):
    """To the bit: the eigenvalue moves neither statistics nor random generators."""
    es = build_recipe("darts-es", order=1, every=1, factor=float("inf"), eigenvalue=eigenvalue)
    plain, watched = searched(darts_first_order(), epochs=3), searched(es, epochs=3)
    assert is_equal(state_of(plain), state_of(watched))
    assert len(watched.oneshot_module.ending.rule.memory["records"]) == 3
    assert watched.oneshot_module.epoch_metrics()["eigenvalue"] != 0


def test_values_are_the_same_where_steps_are_recorded(monkeypatch):
    monkeypatch.setattr(step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    rule = EigenvalueJump(every=1, factor=float("inf"))
    tape = Tape(fused=False)
    plain, taped = (
        searches.search(graphs, epochs=3, recipe_parts={"stopping": rule}) for graphs in (None, tape)
    )
    assert sum(recording.replays for recording in tape.tapes) > 0
    values = [
        [record["value"] for record in strategy.oneshot_module.ending.rule.memory["records"]]
        for strategy in (plain, taped)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-3)
    assert len(set(values[0])) == 3


def test_a_stop_goes_back_to_an_earlier_architecture():
    """Epoch 0 only warms up; the values of epochs 1 and 2 are compared after 2, and 1 is the result."""
    rule = EigenvalueJump(lambda state: 1.0, every=1, window=1, start=0, delta=1, factor=0.5)
    recipe = darts_first_order().but(
        stopping=rule, derivation=lambda state: {"of": state.epoch}, schedules=(WarmUp(1),)
    )
    never = Diagnostics(discretisation_every=None)  # what is derived here is no architecture
    module = searched(recipe, epochs=6, diagnostics=never).oneshot_module
    assert (module.trainer.current_epoch, module.export()) == (3, {"of": 1})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, "method.every: got 0; it must be 1 or more"),
        ({"window": 0}, "method.window: got 0"),
        ({"start": -1}, "method.start: got -1; it must be 0 or more"),
        ({"delta": 0}, "method.delta: got 0"),
        ({"factor": 0}, "method.factor: got 0; it must be greater than 0"),
        ({"eigenvalue": "lanczos"}, 'method.eigenvalue: got "lanczos"; write "exact" or "power"'),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_recipe("darts-es", **options)
