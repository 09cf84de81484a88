"""The pipeline in real NNI experiments, with trials that only talk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from nni_darts.pipeline import advisor
from tests.nnictl import Experiment

pytestmark = pytest.mark.nnictl

PATIENCE = 150
"""Seconds that any of this may take on a busy machine; an idle one needs ten."""


def experiment(
    folder: Path, behaviour: dict[str, str], *, url_prefix: str = "", **settings: Any
) -> Experiment:
    """Searches with seeds 0, 1, 10 (0 and 10 find the same), two retrainings, two trials at a time."""
    orders = folder / "orders"
    orders.mkdir()
    for task, order in behaviour.items():
        (orders / task.replace("/", "_")).write_text(order)
    config = {
        "experimentName": "pipeline-test",
        "trialCommand": f"{sys.executable} {Path(__file__).with_name('fake_trial.py')} {orders}",
        "trialCodeDirectory": str(orders),
        "trialConcurrency": 2,
        "maxExperimentDuration": "10m",
        "searchSpace": {"seed": {"_type": "choice", "_value": [0, 1, 10]}},
        "tuner": {
            "codeDirectory": str(orders),
            "className": "nni_darts.pipeline.advisor.Advisor",
            "classArgs": {"retrain": {"seeds": [0, 1]}, **settings},
        },
        "trainingService": {"platform": "local"},
    }
    return Experiment(folder, config, url_prefix)


def done(found: Experiment) -> list[str]:
    return sorted(trial["result"]["task"] for trial in found.trials() if trial["result"])


def of_task(found: Experiment, task: str) -> list[dict[str, Any]]:
    return [trial for trial in found.trials() if trial["parameters"]["task"] == task]


ALL_DONE = ["retrain/0", "retrain/1", "search/0", "search/1", "search/2", "select/0", "select/1"]


def test_search_select_retrain(tmp_path: Path) -> None:
    """Ends by itself with the right winner, under a url prefix; every record is what its trial did."""
    with experiment(tmp_path, {}, url_prefix="some/prefix") as found:
        assert found.wait(PATIENCE) == {"status": "DONE", "errors": []}
        assert done(found) == ALL_DONE and len(found.trials()) == 7
        for trial in found.trials():
            assert trial["result"]["task"] == trial["parameters"]["task"]
            assert trial["status"] == "SUCCEEDED"
            if trial["parameters"]["stage"] == "retrain":
                assert trial["parameters"]["architecture"]["nni"] == {"op": 0}
        metrics = found.request("GET", f"/metric-data/{found.trials()[0]['id']}?type=PERIODICAL")
        assert metrics and '\\"default\\": 50.0' in metrics[0]["data"]


def test_failing_trials_are_tried_again_and_then_left_out(tmp_path: Path) -> None:
    behaviour = {"search/0": "fail", "search/1": "fail once"}
    with experiment(tmp_path, behaviour, stages=["search", "retrain"]) as found:
        assert found.wait(PATIENCE)["status"] == "DONE"
        assert done(found) == ["retrain/0", "retrain/1", "search/1", "search/2"]
        assert [trial["status"] for trial in of_task(found, "search/0")] == ["FAILED", "FAILED"]
        assert [trial["status"] for trial in of_task(found, "search/1")] == ["FAILED", "SUCCEEDED"]
        assert "search/0 was given up after 2 attempt(s)" in found.log("dispatcher")


def test_a_stage_without_a_success_ends_the_experiment_with_a_sentence(tmp_path: Path) -> None:
    behaviour = {"select/0": "error", "select/1": "error"}
    with experiment(tmp_path, behaviour, max_attempts=1) as found:
        status = found.wait(PATIENCE)
        sentence = "Stage select: no task succeeded of 2 (attempts each: 1). The last to fail was select/1: "
        assert status["status"] == "ERROR"
        assert sentence.lower() in status["errors"][0] and "the data are missing." in status["errors"][0]
        assert sentence in found.log("dispatcher")
        # The sentence stood there until the advisor, too, saw the error.
        found.wait_for(lambda: duration(found) == "10m", PATIENCE, "the duration to be what it was")


def duration(found: Experiment) -> str:
    """The experiment's longest duration, as the manager has it."""
    return str(found.request("GET", "/experiment")["params"]["maxExperimentDuration"])


def test_a_machine_without_the_gpu_ends_the_experiment_before_any_trial(tmp_path: Path) -> None:
    """The advisor runs under its registered name here."""
    made = experiment(tmp_path, {}, trainer={"device": "cuda:99"})
    made.config["tuner"] = {"name": "nni-darts", "classArgs": made.config["tuner"]["classArgs"]}
    assert "nni-darts registered" in made.register(Path(advisor.__file__).with_name("register.yml"))
    with made as found:
        status = found.wait(PATIENCE)
        assert status["status"] == "ERROR" and found.trials() == []
        assert "trainer.device: cuda:99 is asked for, but this machine has" in status["errors"][0]


def test_a_killed_trial_is_tried_again_and_a_stopped_experiment_resumed(tmp_path: Path) -> None:
    """Kill as the web page does; stop while trials run; the resumed experiment runs just what is missing."""
    with experiment(tmp_path, {"search/1": "hang", "select/1": "slow"}) as found:
        starts = tmp_path / "orders" / "started"
        (start,) = found.wait_for(lambda: list(starts.glob("search_1.1.*")), PATIENCE, "search/1")
        found.wait_for(lambda: of_task(found, "search/1")[0]["status"] == "RUNNING", PATIENCE, "its status")
        found.request("DELETE", f"/trial-jobs/{start.suffix[1:]}")
        found.wait_for(lambda: list(starts.glob("select_1.1.*")), PATIENCE, "select/1")
        assert [trial["status"] for trial in of_task(found, "search/1")] == ["USER_CANCELED", "SUCCEEDED"]
        found.stop()
        found.resume()
        assert found.wait(PATIENCE)["status"] == "DONE"
        assert done(found) == ALL_DONE
        tasks = [trial["parameters"]["task"] for trial in found.trials()]
        assert sorted(tasks) == sorted([*ALL_DONE, "search/1"]), "something ran that had not to"
        assert len({trial["id"] for trial in of_task(found, "select/1")}) == 1
