from __future__ import annotations

from typing import Any

from nni_darts.export.database import Trial
from nni_darts.export.outcome import outcomes, results


def trial(id: str, number: int, task: str | None, final: Any = None, received: int | None = None) -> Trial:
    record = {"parameter_id": number, "parameters": {"task": task, "seed": number} if task else {"lr": 0.1}}
    return Trial(id, record=record, final=final, received=None if received is None else str(received))


def test_swapped_parameters_are_put_right_by_the_task_in_the_result() -> None:
    """NNI's record says a did search/0; its result says search/1, so seed 1 is its seed."""
    a = trial("a", 0, "search/0", {"default": 1.0, "task": "search/1"})
    b = trial("b", 1, "search/1", {"default": 2.0, "task": "search/0"})
    assert [(o.trial.id, o.task, o.parameters["seed"]) for o in outcomes([a, b])] == [
        ("a", "search/1", 1),
        ("b", "search/0", 0),
    ]


def test_without_a_result_the_id_it_reported_under_tells() -> None:
    a, b = trial("a", 0, "search/0", received=1), trial("b", 1, "search/1")
    assert [outcome.task for outcome in outcomes([a, b])] == ["search/1", "search/1"]


def test_numbers_only_and_no_truth_values() -> None:
    final = {"default": 1, "ok": True, "architecture": '{"space": "x"}', "task": "search/0"}
    (outcome,) = outcomes([trial("a", 0, "search/0", final)])
    assert outcome.metrics == {"default": 1.0}
    assert outcome.architecture == {"space": "x"}


def test_what_is_no_result_has_a_problem() -> None:
    finals = [{"task": "search/0", "error": "no GPU"}, {"task": "search/0", "default": float("nan")}]
    found = outcomes([trial(str(n), n, "search/0", final) for n, final in enumerate(finals)])
    assert found[0].problem == "no GPU"
    assert "no finite number" in (found[1].problem or "")
    assert results(found, "search") == []


def test_a_task_finished_twice_counts_once_and_tasks_are_in_order() -> None:
    given = [("retrain/10", 3.0), ("retrain/2", 1.0), ("retrain/2", 99.0)]
    found = outcomes(
        trial(str(n), n, task, {"default": v, "task": task}) for n, (task, v) in enumerate(given)
    )
    assert [(o.task, o.metrics["default"]) for o in results(found, "retrain")] == [
        ("retrain/2", 1.0),
        ("retrain/10", 3.0),
    ]


def test_trials_of_another_experiment_are_no_tasks() -> None:
    (outcome,) = outcomes([trial("a", 0, None, 0.9)])
    assert (outcome.task, outcome.stage, outcome.done, outcome.metrics) == (
        None,
        None,
        False,
        {"default": 0.9},
    )
