"""Card r-darts, "What it changes" and "Equations", the column and the item ADA."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.methods.r_darts_ada import DecayJump
from nni_darts.parts.stopping import Return
from nni_darts.recipe import build_recipe
from nni_darts.run import NullReporter, Run
from tests.methods.test_darts_es import GOLDEN
from tests.methods.tiny import is_equal, searched, state_of
from tests.stages.test_stages import TINY
from tests.toy import paper_toy


def way_of(values: list[float], decay: float = 3e-4, **options: Any) -> list[tuple[int, int, float]]:
    """Where a search of 50 epochs goes back whose eigenvalue at epoch 2 i is values[i] (the last: at 49).

    (after, to, decay until then) of every return; eigenvalues are of the epoch, whatever the attempt.
    """
    rule = DecayJump(measure=lambda state: values[-(-state.epoch // 2)], ridge=0.0, **options)
    state = paper_toy(weight_decay=decay)
    (group,) = state.optimizer().param_groups
    state.epochs, epoch, found = 50, 0, []
    memories: dict[int, dict[str, Any]] = {}
    kept: set[int] = set()
    while epoch < 50:
        state.epoch = epoch
        answer = rule(state, {"of": epoch})
        needed = set(rule.needs(state))
        assert needed <= kept | {epoch}  # what is named has been named since its end
        kept = needed
        memories[epoch] = {**rule.memory, "records": list(rule.memory["records"])}
        if answer is not None:
            assert isinstance(answer, Return)
            assert answer.epoch in kept
            found.append((epoch, answer.epoch, group["weight_decay"]))
            rule.memory, epoch = memories[answer.epoch], answer.epoch
            rule.memory = {**rule.memory, "records": list(rule.memory["records"])}
            group["weight_decay"] *= 10
        epoch += 1
    return found


def test_the_authors_series_goes_back_twice_and_then_on_to_the_end():
    """The stop of the card's item 1 (22 to 10) becomes a return, twice: 3e-4, 3e-3, and 0.03 stays."""
    way = way_of(list(GOLDEN))
    assert [(after, to) for after, to, _ in way] == [(22, 10), (22, 10)]
    assert [decay for *_, decay in way] == pytest.approx([3e-4, 3e-3])


def test_a_late_jump_goes_back_as_es_does_and_the_second_time_from_there():
    """Item 2's jump at epoch 30: stopped after 32, back to 20."""
    assert [(after, to) for after, to, _ in way_of([0.1] * 15 + [0.2] * 11)] == [(32, 20), (32, 20)]
    assert way_of([0.1] * 26) == []


@pytest.mark.parametrize(("decay", "left"), [(3e-4, 2), (3e-3, 1), (3e-2, 0), (2.9e-2, 0), (0.3, 0)])
def test_how_often_the_decay_is_raised(decay, left):
    """The card: the official code goes on while round(ln 0.03 / ln decay, 1) is not 1: 0.4, 0.6, 1.0."""
    assert len(way_of(list(GOLDEN), decay)) == left
    if decay in (3e-4, 3e-3, 3e-2):
        assert (round(math.log(0.03) / math.log(decay), 1) == 1) == (left == 0)


def test_a_decay_that_was_multiplied_counts_as_what_it_stands_for():
    """3e-4 * 10 * 10 is 0.030000000000000002."""
    assert len(way_of(list(GOLDEN), 3e-4 * 10 * 10)) == 0
    assert len(way_of(list(GOLDEN), 3e-4 * 10, most=3e-4 * 10 * 10)) == 1
    assert len(way_of(list(GOLDEN), 1e-4, growth=3, most=3e-4)) == 1  # ln 3 / ln 3 is 0.9999999999999998


JUMPY = {"every": 1, "window": 1, "start": 0, "delta": 1, "factor": 1e-9, "order": 1}
"""Goes back one epoch whenever two eigenvalues that are positive follow each other."""


SMALL = ["skip_connect", "max_pool_3x3"]


def test_a_whole_search_goes_back_with_more_decay(tmp_path, monkeypatch):
    monkeypatch.setattr("nni_darts.stages.search.draw_run", lambda run: None)
    settings = Settings.from_dict(
        {
            **TINY,
            "space": {"args": {"init_channels": 2, "layers": 1, "nodes": 1, "primitives": SMALL}},
            "method": {"name": "r-darts-ada", **JUMPY, "ridge": 1.0, "eigenvalue": "power"},
            "search": {"epochs": 4, "batch_size": 8},
        }
    )
    path = tmp_path / "run"
    result = stages.run_search(settings, 0, Run.create(path, "search/0"), NullReporter())
    table = pd.read_csv(path / "metrics.csv")
    assert table[["attempt", "epoch"]].values.tolist() == [[0, 0], [0, 1], [1, 1], [2, 1], [2, 2], [2, 3]]
    assert result["attempt"] == 2
    assert not (path / "snapshots").exists()  # of a finished search nothing goes back
    again = stages.run_search(settings, 0, Run.create(path, "search/0", resume=True), NullReporter())
    assert again == result
    assert stages.run_derive(path / "last.ckpt", tmp_path / "derived").to_json() == result["architecture"]


@pytest.mark.parametrize("options", [{"max_weight_decay": 2e-3}, {"factor": 1e9}])
def test_without_a_return_it_is_darts_to_the_bit(options):
    """No room for an increase, or no jump."""
    plain = searched(darts_first_order(), epochs=3)
    ada = searched(build_recipe("r-darts-ada", **{**JUMPY, "ridge": 1.0, **options}), epochs=3)
    assert is_equal(state_of(plain), state_of(ada))
    assert ada.oneshot_module.epoch_metrics()["attempt"] == 0


def test_the_decay_grows_with_the_returns():
    strategy = searched(build_recipe("r-darts-ada", **JUMPY, ridge=1.0), epochs=4)
    module = strategy.oneshot_module
    assert [(r["after"], r["to"]) for r in module.rollback.returns] == [(1, 0), (1, 0)]
    (group,) = module.state.optimizer().param_groups
    assert group["weight_decay"] == pytest.approx(0.03)


def test_wrong_options_are_all_said_at_once():
    with pytest.raises(ConfigError) as caught:
        build_recipe("r-darts-ada", growth=1, max_weight_decay=0, every=0)
    assert caught.value.problems == (
        "method.growth: got 1; it must be greater than 1.",
        "method.max_weight_decay: got 0; it must be greater than 0.",
        "method.every: got 0; it must be 1 or more.",
    )
