"""The advisor against a manager that behaves like NNI's, its bad habits included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.runtime.tuner_command_channel import CommandType

from nni_darts.config import Settings
from nni_darts.pipeline import advisor as advisor_module
from tests.pipeline.fake_nni import SEEDS, FakeManager, FakeTrial, make_advisor

TWO_SEEDS: dict[str, Any] = {"retrain": {"seeds": [0, 1]}}


def value_of(job: FakeTrial) -> dict[str, Any]:
    """What a good trial reports for the task whose parameters it has."""
    assert job.received is not None
    parameters = job.received["parameters"]
    architecture = parameters["architecture"] or {"space": "fake", "nni": {"op": parameters["seed"]}}
    score = {"search": 90.0, "select": 80.0 + architecture["nni"]["op"], "retrain": 97.0}[parameters["stage"]]
    return {"default": score, "task": parameters["task"], "architecture": json.dumps(architecture)}


def succeed(manager: FakeManager, job: FakeTrial) -> None:
    manager.ask(job)
    manager.report(job, value_of(job))
    manager.end(job)
    manager.start_trials()


def begun(**more: Any) -> FakeManager:
    manager = FakeManager(**more)
    make_advisor(manager, **TWO_SEEDS)
    manager.tell(CommandType.RequestTrialJobs, "2")
    manager.start_trials()
    return manager


def run_out(manager: FakeManager) -> None:
    """Let all trials succeed, oldest first, until nothing runs."""
    for _ in range(50):
        if not manager.running:
            return
        succeed(manager, manager.running[0])


def retrained(manager: FakeManager) -> list[dict[str, Any]]:
    return [
        job.received["parameters"]["architecture"]["nni"]
        for job in manager.jobs
        if job.received and job.received["parameters"]["stage"] == "retrain"
    ]


def test_three_stages_and_then_done() -> None:
    manager = begun()
    assert [job.task for job in manager.jobs] == ["search/0", "search/1"]
    run_out(manager)
    assert manager.status_now == "DONE"
    assert [job.task for job in manager.jobs[3:]] == [
        "select/0",
        "select/1",
        "select/2",
        "retrain/0",
        "retrain/1",
    ]
    assert retrained(manager) == [{"op": 2}, {"op": 2}]


def test_a_trial_gets_all_it_needs() -> None:
    space = {
        "seed": {"_type": "choice", "_value": [3]},
        "search.arch_lr": {"_type": "choice", "_value": ["1e-3"]},
    }
    manager = FakeManager()
    made = make_advisor(manager, space=space, **TWO_SEEDS)
    manager.tell(CommandType.RequestTrialJobs, "1")
    (record,) = manager.waiting
    parameters = record["parameters"]
    assert record["parameter_id"] == 0 and record["parameter_source"] == "algorithm"
    assert {**parameters, "settings": 0} == {
        "task": "search/0", "stage": "search", "attempt": 1, "seed": 3, "settings": 0,
        "point": {"seed": 3, "search.arch_lr": 1e-3}, "architecture": None,
    }  # fmt: skip
    assert parameters["settings"]["search"]["arch_lr"] == 1e-3
    assert Settings.from_dict(parameters["settings"]).retrain.seeds == made.settings.retrain.seeds


def test_a_failed_and_a_killed_trial_are_tried_again() -> None:
    manager = begun()
    manager.end(manager.jobs[0], "FAILED")
    manager.end(manager.jobs[1], "USER_CANCELED")
    manager.start_trials()
    run_out(manager)
    assert manager.status_now == "DONE"
    assert [job.task for job in manager.jobs].count("search/0") == 2
    assert sorted(job.record["parameters"]["attempt"] for job in manager.jobs)[-2:] == [2, 2]


def test_success_without_a_result_is_a_failure() -> None:
    manager = begun()
    manager.end(manager.jobs[0])
    assert [record["parameters"]["task"] for record in manager.waiting] == ["search/2", "search/0"]


def test_a_stage_that_fails_whole_ends_the_experiment_with_the_trials_sentence() -> None:
    manager = begun()
    while manager.running:
        job = manager.running[0]
        manager.report(job, {"task": job.task, "error": "The data are missing."})
        manager.end(job, "FAILED")
        manager.start_trials()
    assert manager.status_now == "ERROR"
    assert manager.error.startswith("Stage search: no task succeeded of 3")
    assert manager.error.endswith("The data are missing.")
    assert len(manager.jobs) == 6


def test_a_result_that_is_not_finite_is_tried_again() -> None:
    manager = begun()
    job = manager.jobs[0]
    manager.report(job, {"default": float("nan"), "task": job.task})
    manager.end(job)
    assert manager.waiting[-1]["parameters"]["task"] == "search/0"


def test_trials_added_by_hand_are_ignored() -> None:
    manager = begun()
    job = FakeTrial("H", {"parameter_id": None, "parameters": {"task": "search/0"}})
    job.received = job.record
    manager.report(job, {"default": 100.0, "task": "search/0", "architecture": '{"nni": {"op": 9}}'})
    manager.end(job)
    run_out(manager)
    assert manager.status_now == "DONE" and len(manager.jobs) == 8
    assert retrained(manager) == [{"op": 2}, {"op": 2}]


@pytest.mark.parametrize(
    ("settings_", "space", "said"),
    [
        ({"serch": {}, "max_attempts": 0}, SEEDS, ["serch", "max_attempts"]),
        ({}, {"search.arch_lr": {"_type": "uniform", "_value": [0, 1]}}, ["search.arch_lr"]),
        ({}, {"search.epohs": {"_type": "choice", "_value": [1, 2]}}, ["search.epohs"]),
        ({"stages": ["retrain"], "genotype": "DARTS_V9"}, {}, ["DARTS_V9"]),
    ],
)
def test_every_problem_of_the_settings_is_said_at_once_before_any_trial(
    settings_: dict[str, Any], space: dict[str, Any], said: list[str]
) -> None:
    manager = FakeManager()
    make_advisor(manager, space=space, **settings_)
    assert manager.status_now == "ERROR" and all(word in manager.error for word in said)
    manager.tell(CommandType.RequestTrialJobs, "2")
    assert CommandType.NewTrialJob not in manager.commands


@pytest.mark.parametrize(("platform", "ends"), [("local", True), ("remote", False)])
def test_a_missing_gpu_ends_a_local_experiment(
    platform: str, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisor_module.gpu, "count", lambda: 0)
    manager = FakeManager(platform)
    make_advisor(manager, trainer={"device": "cuda"})
    assert (manager.status_now == "ERROR") is ends
    assert ("trainer.device: cuda" in manager.error) is ends


def test_an_unforeseen_error_ends_the_experiment_and_its_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = begun()
    assert manager.advisor is not None
    monkeypatch.setattr(manager.advisor.plan, "lose", lambda *_: 1 / 0)
    manager.end(manager.jobs[0], "FAILED")
    assert manager.status_now == "ERROR" and "ZeroDivisionError" in manager.error
    assert manager.killed == ["T1"]


def test_a_genotype_file_is_found_beside_the_trial_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nni_darts.genotype import resolve

    (tmp_path / "best.json").write_text(resolve("DARTS_V1").to_json())
    monkeypatch.chdir(tmp_path)
    for genotype in ("best.json", "DARTS_V1"):
        manager = FakeManager()
        make_advisor(manager, space={}, stages=["retrain"], genotype=genotype, **TWO_SEEDS)
        manager.tell(CommandType.RequestTrialJobs, "2")
        tasks = [record["parameters"] for record in manager.waiting]
        assert [task["task"] for task in tasks] == ["retrain/0", "retrain/1"]
        assert all(task["architecture"]["cells"] == resolve("DARTS_V1").to_dict()["cells"] for task in tasks)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_trials_the_experiment_ends(data: st.DataObject) -> None:
    """Trials swap parameters, die early or late, are killed, report nothing, and the experiment is resumed.

    Where trials see their own record no task ever has two trials, and none more than its attempts.
    """
    own_record = data.draw(st.booleans())
    manager = begun(own_record=own_record, concurrency=data.draw(st.integers(1, 3)))
    fates = data.draw(
        st.lists(
            st.sampled_from(["good", "good", "good", "early", "late", "mute", "kill", "resume"]), max_size=30
        )
    )
    for fate in [*fates, *["good"] * 60]:
        manager.start_trials()
        if own_record:
            tasks = [job.task for job in manager.running]
            assert len(tasks) == len(set(tasks))
        if manager.status_now != "RUNNING":
            break
        assert manager.running, "nothing runs, nothing waits, and it has not ended"
        job = data.draw(st.sampled_from(manager.running))
        if fate == "good":
            succeed(manager, job)
        elif fate == "resume":
            manager = manager.resumed(**TWO_SEEDS)
        elif fate == "early":
            manager.end(job, "FAILED")
        else:
            manager.ask(job)
            manager.report(job, {"default": 1.0}, "PERIODICAL")
            manager.end(job, {"late": "FAILED", "kill": "USER_CANCELED", "mute": "SUCCEEDED"}[fate])
    assert manager.status_now in ("DONE", "ERROR")
    ids = [job.record["parameter_id"] for job in manager.jobs]
    assert len(ids) == len(set(ids)), "a parameter id was given out twice"
    if manager.status_now == "DONE":
        assert len({json.dumps(nni) for nni in retrained(manager)}) == 1, (
            "different architectures were retrained"
        )


def test_resuming_runs_exactly_what_is_missing() -> None:
    manager = begun(concurrency=3)
    for job in list(manager.running):
        succeed(manager, job)
    succeed(manager, manager.running[1])
    again = manager.resumed(**TWO_SEEDS)
    assert again.waiting == []
    run_out(again)
    assert again.status_now == "DONE"
    assert len(again.jobs) == 8 and retrained(again) == [{"op": 2}, {"op": 2}]


def test_a_stop_between_a_result_and_its_end_loses_nothing() -> None:
    """search/2 has reported, the selections are due, but NNI has not seen its trial end: it runs it again."""
    manager = begun()
    for job in manager.jobs[:2]:
        succeed(manager, job)
    last = manager.jobs[2]
    assert last.task == "search/2"
    manager.report(last, value_of(last))
    manager.start_trials()
    assert [job.task for job in manager.running] == ["search/2", "select/0"]
    again = manager.resumed(**TWO_SEEDS)
    again.start_trials()
    run_out(again)
    assert again.status_now == "DONE"
    assert sorted(job.task for job in again.jobs if job.task.startswith("select")) == [
        "select/0",
        "select/1",
        "select/2",
    ]
    assert retrained(again) == [{"op": 2}, {"op": 2}]


def test_a_resumed_finished_experiment_ends_at_once() -> None:
    manager = begun()
    run_out(manager)
    assert manager.resumed(**TWO_SEEDS).status_now == "DONE"


def test_data_imported_by_a_user_change_nothing() -> None:
    manager = begun()
    value = {"default": 100.0, "task": "search/0", "architecture": '{"nni": {"op": 9}}'}
    manager.tell(CommandType.ImportData, json.dumps([{"parameter": {"task": "search/0"}, "value": value}]))
    run_out(manager)
    assert manager.status_now == "DONE" and len(manager.jobs) == 8


def test_a_new_search_space_is_ignored() -> None:
    manager = begun()
    manager.tell(CommandType.UpdateSearchSpace, json.dumps({"seed": {"_type": "choice", "_value": [9]}}))
    run_out(manager)
    assert manager.status_now == "DONE" and len(manager.jobs) == 8


def test_after_a_failure_a_resume_tries_again() -> None:
    manager = begun()
    while manager.running:
        manager.end(manager.running[0], "FAILED")
        manager.start_trials()
    assert manager.status_now == "ERROR"
    again = manager.resumed(**TWO_SEEDS)
    attempts = {record["parameters"]["task"]: record["parameters"]["attempt"] for record in again.waiting}
    assert attempts == {"search/0": 1, "search/1": 1, "search/2": 1}
