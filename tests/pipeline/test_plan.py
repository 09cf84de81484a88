"""The stage machine, by example and under any order of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_darts.pipeline.plan import Plan
from nni_darts.pipeline.result import Result
from nni_darts.pipeline.task import State, Task

ALL = ["search", "select", "retrain"]


def architecture(kind: int, **provenance: Any) -> dict[str, Any]:
    return {"space": "fake", "nni": {"op": kind}, "provenance": provenance}


def result(score: float, kind: int | None = None) -> Result:
    return Result(score, None if kind is None else architecture(kind, score=score))


def plan(stages: list[str] = ALL, points: int = 3, seeds: int = 2, **more: Any) -> Plan:
    return Plan(stages, [({"seed": seed}, seed) for seed in range(points)], list(range(seeds)), **more)


def names(tasks: list[Task]) -> list[str]:
    return [task.name for task in tasks]


def searched(kinds: list[int], **more: Any) -> Plan:
    """A plan whose searches derived these architectures, with its selection tasks running."""
    made = plan(points=len(kinds), **more)
    for task, kind in zip(made.advance(), kinds, strict=True):
        made.receive(task.name, result(90, kind))
    return made


def test_stages_follow_each_other_and_the_best_on_validation_is_retrained() -> None:
    made = plan()
    assert names(made.advance()) == ["search/0", "search/1", "search/2"]
    assert made.advance() == []
    for name, kind in [("search/2", 2), ("search/0", 0), ("search/1", 1)]:
        assert made.advance() == []
        made.receive(name, result(99 - kind, kind))
    selections = made.advance()
    assert names(selections) == ["select/0", "select/1", "select/2"]
    assert [task.architecture["nni"]["op"] for task in selections if task.architecture] == [0, 1, 2]
    for name, score in [("select/0", 50), ("select/1", 70), ("select/2", 60)]:
        made.receive(name, result(score, 7))  # what a selection says it trained is not asked
    retrainings = made.advance()
    assert names(retrainings) == ["retrain/0", "retrain/1"]
    assert [task.seed for task in retrainings] == [0, 1]
    assert all(task.architecture == architecture(1, score=98) for task in retrainings)
    assert all(task.point == {"seed": 1} for task in retrainings)
    made.receive("retrain/0", result(10))
    made.receive("retrain/1", result(99))
    assert made.advance() == [] and made.finished and made.failure is None
    assert made.winner is made.tasks["select/1"]


def test_equal_architectures_are_trained_once_under_the_first_search() -> None:
    assert names(searched([4, 5, 4, 5, 6]).advance()) == ["select/0", "select/1", "select/4"]


def test_searches_of_other_options_are_compared_by_their_selection() -> None:
    """R-DARTS: the strength is chosen by validation, not by how well the supernet did."""
    factors = [1, 3, 9, 27]
    points = [({"seed": 0, "method.factor": factor}, 0) for factor in factors]
    made = Plan(ALL, points, [0])
    for task, kind in zip(made.advance(), range(4), strict=True):
        made.receive(task.name, result(90 - kind, kind))
    selections = made.advance()
    assert [task.point["method.factor"] for task in selections] == factors
    assert {task.seed for task in selections} == {0}
    for task, score in zip(selections, (50, 60, 70, 55), strict=True):
        made.receive(task.name, result(score))
    (retraining,) = made.advance()
    assert retraining.point == {"seed": 0, "method.factor": 9}
    assert retraining.architecture == architecture(2, score=88)


def test_a_tie_goes_to_the_earlier_task() -> None:
    made = searched([0, 1, 2])
    made.advance()
    for name, score in [("select/2", 60), ("select/1", 60), ("select/0", 50)]:
        made.receive(name, result(score))
    assert made.advance()[0].architecture == architecture(1, score=90)


def test_without_selection_the_best_search_is_retrained() -> None:
    made = plan(["search", "retrain"])
    made.advance()
    for name, score in [("search/0", 1), ("search/1", 3), ("search/2", 2)]:
        made.receive(name, result(score, int(name[-1])))
    assert [task.architecture["nni"]["op"] for task in made.advance() if task.architecture] == [1, 1]


def test_search_alone() -> None:
    made = plan(["search"], points=1)
    made.advance()
    made.receive("search/0", result(1, 0))
    assert made.advance() == [] and made.finished and made.winner is made.tasks["search/0"]


def test_retraining_a_given_architecture_alone() -> None:
    made = plan(["retrain"], seeds=3, architecture=architecture(3))
    tasks = made.advance()
    assert [task.architecture for task in tasks] == [architecture(3)] * 3
    for task in tasks:
        made.receive(task.name, result(1))
    assert made.advance() == [] and made.finished and made.winner is None


def test_a_lost_trial_is_tried_again_until_its_attempts_are_used_up() -> None:
    made = plan(points=2)
    made.advance()
    made.receive("search/1", result(90, 1))
    assert made.lose("search/0", 1, "it died")
    assert [(task.name, task.attempts) for task in made.advance()] == [("search/0", 2)]
    assert made.lose("search/0", 2, "it died again")
    assert names(made.advance()) == ["select/1"]
    assert [(task.name, task.reason) for task in made.failed] == [("search/0", "it died again")]


def test_the_end_of_an_earlier_attempt_does_not_touch_the_running_one() -> None:
    made = plan(points=1)
    made.advance()
    made.lose("search/0", 1, "it died")
    made.advance()
    assert not made.lose("search/0", 1, "told twice")
    assert made.advance() == [] and made.tasks["search/0"].state is State.RUNNING


def test_a_stage_without_a_result_ends_the_plan_with_its_reason() -> None:
    made = searched([0, 1], max_attempts=1)
    for task in made.advance():
        made.lose(task.name, 1, f"{task.name} had no data.")
    assert made.advance() == [] and made.finished
    assert made.failure == (
        "Stage select: no task succeeded of 2 (attempts each: 1). "
        "The last to fail was select/1: select/1 had no data."
    )


def test_a_late_result_counts_while_its_stage_is_open_only() -> None:
    made = plan(points=3, max_attempts=1)
    made.advance()
    made.lose("search/0", 1, "killed")
    made.lose("search/1", 1, "killed")
    assert made.receive("search/0", result(90, 0))
    made.receive("search/2", result(90, 2))
    assert names(made.advance()) == ["select/0", "select/2"]
    assert not made.receive("search/1", result(99, 1))
    assert made.tasks["search/1"].state is State.FAILED


def test_a_second_result_and_an_unknown_task_change_nothing() -> None:
    made = plan(points=1)
    made.advance()
    assert made.receive("search/0", result(90, 0))
    assert not made.receive("search/0", result(99, 1))
    assert not made.receive("search/7", result(99, 1)) and not made.lose("select/0", 1, "what?")
    assert made.tasks["search/0"].result == result(90, 0)


def restored(
    stage: str, index: int, found: Result | None, kind: int | None = None, attempts: int = 1
) -> Task:
    task = Task(stage, index, index, {"seed": index}, None if kind is None else architecture(kind))
    task.state, task.attempts = State.RUNNING, attempts
    if found:
        task.finish(found)
    return task


def test_resuming_issues_exactly_what_is_missing() -> None:
    made = plan(points=3)
    made.restore(restored("search", 1, None))
    made.restore(restored("search", 0, result(90, 0)))
    assert names(made.advance()) == ["search/2"]
    assert names(made.running) == ["search/1", "search/2"]


def test_resuming_in_a_later_stage_gives_up_what_had_failed_before() -> None:
    made = plan(points=3)
    made.restore(restored("search", 0, result(90, 0)))
    made.restore(restored("search", 2, result(90, 2)))
    made.restore(restored("select", 2, None, kind=2))
    assert names(made.advance()) == ["select/0"]
    assert names(made.failed) == ["search/1"]


def test_resuming_keeps_the_winner_even_where_its_own_record_was_lost() -> None:
    made = plan(points=2)
    for index in range(2):
        made.restore(restored("search", index, result(90, index)))
    made.restore(restored("select", 0, result(50), kind=0))
    made.restore(restored("retrain", 1, None, kind=1))
    (missing,) = made.advance()
    assert missing.name == "retrain/0" and missing.architecture == architecture(1)


def test_a_resumed_trial_keeps_its_attempt() -> None:
    made = plan(points=1)
    made.restore(restored("search", 0, None, attempts=2))
    made.advance()
    assert made.lose("search/0", 2, "died")
    assert made.advance() == [] and made.failure


def test_a_running_record_does_not_undo_a_result() -> None:
    made = plan(points=1)
    made.restore(restored("search", 0, result(90, 0)))
    made.restore(restored("search", 0, None, attempts=2))
    assert names(made.advance()) == ["select/0"]


@pytest.mark.parametrize(
    "stages", [ALL, ["search"], ["search", "retrain"], ["retrain"], ["search", "select"]]
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_order_of_events_neither_hangs_nor_repeats(stages: list[str], data: st.DataObject) -> None:
    """Results, losses, duplicates, late and foreign messages; then, as trials do, all that is left ends."""
    most = data.draw(st.integers(1, 3))
    made = plan(stages, points=data.draw(st.integers(1, 4)), max_attempts=most, architecture=architecture(0))
    under_way: set[tuple[str, int]] = set()
    started: list[tuple[str, int]] = []

    def step() -> None:
        for task in made.advance():
            assert task.name not in {name for name, _ in under_way}, "a task runs twice at a time"
            assert task.attempts <= most
            under_way.add((task.name, task.attempts))
            started.append((task.name, task.attempts))
        assert made.finished or made.running, "nothing runs and nothing will"
        assert {task.name for task in made.running} == {name for name, _ in under_way}

    def receive(name: str) -> None:
        made.receive(name, result(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 2))))
        under_way.difference_update({(name, attempt) for attempt in range(most + 1)})

    def lose(name: str, attempt: int) -> None:
        made.lose(name, attempt, "lost")
        under_way.discard((name, attempt))

    step()
    for _ in range(data.draw(st.integers(0, 25))):
        name, attempt = data.draw(st.sampled_from([*started, ("search/9", 1), ("retrain/9", 1)]))
        action: Callable[[], None] = data.draw(
            st.sampled_from([lambda: receive(name), lambda: lose(name, attempt)])  # noqa: B023
        )
        action()
        step()
    for _ in range(100):
        if made.finished:
            break
        for name, attempt in list(under_way):
            lose(name, attempt)
        step()
    assert made.finished
    assert len(started) == len(set(started)), "an attempt was started twice"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_resumed_plan_ends_with_the_same_tasks(data: st.DataObject) -> None:
    """Stop anywhere in a run without failures; what was not finished is run, and the winner is the same."""
    scores = data.draw(st.lists(st.integers(0, 5), min_size=3, max_size=3))

    def run(made: Plan, steps: int) -> list[str]:
        ran = []
        for _ in range(steps):
            made.advance()
            if made.finished:
                break
            task = data.draw(st.sampled_from(made.running))
            made.receive(task.name, result(scores[task.index % 3], task.index % 2))
            ran.append(task.name)
        return ran

    first = plan()
    before = run(first, data.draw(st.integers(0, 8)))
    again = plan()
    for task in data.draw(st.permutations(list(first.tasks.values()))):
        if task.state in (State.RUNNING, State.DONE):
            again.restore(task)
    after = run(again, 99)
    whole = plan()
    assert sorted(before + after) == sorted(run(whole, 99))
    assert again.finished and again.winner and whole.winner
    assert again.winner.name == whole.winner.name


def test_resuming_goes_on_with_retraining_though_no_selection_is_on_record() -> None:
    made = plan(points=2)
    made.restore(restored("search", 0, result(90, 0)))
    made.restore(restored("retrain", 0, None, kind=0))
    assert names(made.advance()) == ["retrain/1"]
    assert not made.finished


def test_resuming_trains_no_architecture_again_under_another_name() -> None:
    made = plan(points=2)
    made.restore(restored("search", 0, result(90, 5)))
    made.restore(restored("search", 1, result(90, 5)))
    made.restore(restored("select", 1, None, kind=5))
    assert made.advance() == [] and names(made.running) == ["select/1"]
