"""A user's own space, found by its dotted name in the experiment's code directory, searched under nnictl."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nni_darts.config import Settings
from nni_darts.config.machine import importable_from
from nni_darts.genotype import Architecture
from nni_darts.run import NullReporter, Run
from nni_darts.stages import run_search
from tests.nnictl import Experiment

SETTINGS = {
    "space": {"name": "plain_net:PlainNet", "args": {"channels": 8}},
    "method": {"order": 2},
    "search": {"epochs": 2, "arch_lr": 0.05},
    "select": {"epochs": 1},
    "retrain": {"epochs": 1, "seeds": [0, 1], "network": {"channels": 12}},
    "trainer": {"device": "cpu", "threads": 1, "limit_batches": 3},
}


@pytest.mark.nnictl
def test_a_space_of_the_users_own_is_searched_selected_and_retrained(tmp_path):
    config = {
        "trialCommand": f"{sys.executable} -m nni_darts trial",
        "trialCodeDirectory": str(Path(__file__).parent / "outsider"),
        "trialConcurrency": 2,
        "maxTrialNumber": 20,
        "searchSpace": {"seed": {"_type": "choice", "_value": [0, 1]}},
        "tuner": {
            "codeDirectory": ".",
            "className": "nni_darts.pipeline.advisor.Advisor",
            "classArgs": SETTINGS,
        },
        "trainingService": {"platform": "local"},
    }
    with Experiment(tmp_path, config) as experiment:
        status = experiment.wait(240)
        assert status["status"] == "DONE", experiment.log("dispatcher")
        trials = experiment.trials()
        found = {trial["parameters"]["task"]: trial["result"] for trial in trials}
        intermediate = experiment.request("GET", f"/metric-data/{trials[0]['id']}?type=PERIODICAL")
    stages = [task.split("/")[0] for task in found]
    assert stages.count("search") == stages.count("retrain") == 2
    derived = {found[task]["architecture"] for task in found if task.startswith("search")}
    # Equal architectures are selected once.
    assert stages.count("select") == len({json.dumps(json.loads(text)["nni"]) for text in derived})
    winner = Architecture.from_json(found["retrain/0"]["architecture"])
    assert winner.space == "plain_net:PlainNet"
    assert set(winner.nni or {}) == {"width", "layer", "shortcut", "depth"}
    assert found["retrain/0"]["default"] == found["retrain/0"]["test_accuracy"]
    assert next(iter(found["search/0"])) == "default"
    assert len(intermediate) == 2

    # Without a manager, the same settings give the same numbers.
    with importable_from(Path(__file__).parent / "outsider"):
        run = Run.create(tmp_path / "direct", "search/0")
        direct = run_search(Settings.from_dict(SETTINGS), 0, run, NullReporter())
    assert direct == {key: value for key, value in found["search/0"].items() if key != "task"}
