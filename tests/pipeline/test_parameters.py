from __future__ import annotations

import json
from typing import Any

import pytest

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.pipeline.parameters import parameters_of, plan_of, task_of
from nni_darts.pipeline.task import State, Task

SETTINGS = Settings.from_dict({"select": {"seed": 7}, "retrain": {"seeds": [5, 6]}, "max_attempts": 3})


def test_a_task_survives_the_way_to_a_trial_and_back() -> None:
    task = Task("select", 3, 7, {"method.order": 1}, {"space": "darts", "nni": {"a": 1}})
    task.start()
    task.fail("died", 3)
    task.start()
    sent = json.loads(json.dumps(parameters_of(task, SETTINGS)))
    again = task_of(sent)
    assert again is not None and sent["attempt"] == 2
    assert (again.name, again.seed, again.point, again.architecture) == (
        task.name,
        7,
        task.point,
        task.architecture,
    )
    assert (again.attempts, again.state) == (2, State.RUNNING)
    assert sent["settings"]["method"]["order"] == 1


@pytest.mark.parametrize(
    "given", [None, "search/0", [], {}, {"task": "search"}, {"task": "test/0"}, {"task": "search/x"}]
)
def test_foreign_parameters_are_no_task(given: Any) -> None:
    assert task_of(given) is None


def test_seeds_and_attempts_come_from_the_settings() -> None:
    plan = plan_of(SETTINGS, [{"seed": 4}, {}])
    assert [(task.name, task.seed) for task in plan.advance()] == [("search/0", 4), ("search/1", 0)]
    assert (plan.select_seed, plan.retrain_seeds, plan.max_attempts) == (7, [5, 6], 3)


def test_wrong_points_are_all_named() -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of(SETTINGS, [{"search.lr": -1}, {"retrain.epochs": 3}])
    assert "search.lr" in str(caught.value) and "retrain.epochs" in str(caught.value)


def test_a_genotype_that_is_none_is_named_with_its_key() -> None:
    settings = Settings.from_dict({"stages": ["retrain"], "genotype": "DARTS_V3"})
    with pytest.raises(ConfigError, match=r"genotype.*DARTS_V3"):
        plan_of(settings, [{}])
