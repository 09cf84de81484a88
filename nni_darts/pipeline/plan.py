"""The stage machine: which tasks are due, given the results so far. Knows neither NNI nor torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nni_darts.pipeline.result import Result, identity
from nni_darts.pipeline.task import STAGES, State, Task

LOST = "it had no result when the experiment was resumed, and its stage was over."


class Plan:
    """Search every point, train each distinct architecture briefly, retrain the best one.

    Parameters
    ----------
    stages
        Which of search, select, retrain run.
    points
        The search tasks: the point of the search space and the seed of each.
    retrain_seeds
        One retraining of the winner for each.
    select_seed
        The seed of every selection training.
    max_attempts
        Trials that a task may take.
    architecture
        What to retrain when there is no search.

    Notes
    -----
    After :meth:`advance` either a task is running or the plan is finished. A stage ends when none of its
    tasks is open; the next works with those that are done. A stage without one ends the plan (``failure``).
    Selection tasks carry the number of the search that first found their architecture, so that their names
    do not depend on which other searches failed.
    """

    def __init__(
        self,
        stages: Sequence[str],
        points: Sequence[tuple[dict[str, Any], int]] = (),
        retrain_seeds: Sequence[int] = (),
        *,
        select_seed: int = 0,
        max_attempts: int = 2,
        architecture: dict[str, Any] | None = None,
    ) -> None:
        self.stages = [stage for stage in STAGES if stage in stages]
        self.points = list(points)
        self.retrain_seeds = list(retrain_seeds)
        self.select_seed = select_seed
        self.max_attempts = max_attempts
        self.given = architecture
        self.tasks: dict[str, Task] = {}
        self.finished = False
        self.failure: str | None = None
        self._opened: list[str] = []

    def advance(self) -> list[Task]:
        """Open the next stage if its time has come; the tasks to start now, already marked running."""
        while not self.finished and not self._open_tasks():
            if self._opened and not self._done(self._opened[-1]) and not self._begun_after(self._opened[-1]):
                self.failure = self._nothing_left(self._opened[-1])
                self.finished = True
            elif len(self._opened) == len(self.stages):
                self.finished = True
            else:
                self._open(self.stages[len(self._opened)])
        todo = [task for task in self._open_tasks() if task.state is State.TODO]
        for task in todo:
            task.start()
        return todo

    def receive(self, name: str, result: Result) -> bool:
        """A result came in, of whichever attempt. False where it changes nothing."""
        task = self.tasks.get(name)
        if task is None or task.state is State.DONE:
            return False
        if task.state is State.FAILED and (self.finished or self._begun_after(task.stage)):
            return False  # its stage is over, and the next was built without it
        task.finish(result)
        return True

    def lose(self, name: str, attempt: int, reason: str) -> bool:
        """A trial ended without a result. False where another attempt or a result has come since."""
        task = self.tasks.get(name)
        if task is None or task.state is not State.RUNNING or task.attempts != attempt:
            return False
        task.fail(reason, self.max_attempts)
        return True

    def restore(self, task: Task) -> None:
        """Take over a finished or running task after a resume, before :meth:`advance`."""
        known = self.tasks.get(task.name)
        if task.stage not in self.stages or (known and known.state is State.DONE):
            return
        if known is None or task.state is State.DONE or task.attempts > known.attempts:
            self.tasks[task.name] = task

    @property
    def running(self) -> list[Task]:
        """Tasks whose trial is under way."""
        return [task for task in self._ordered() if task.state is State.RUNNING]

    @property
    def failed(self) -> list[Task]:
        """Tasks that were given up."""
        return [task for task in self._ordered() if task.state is State.FAILED]

    @property
    def winner(self) -> Task | None:
        """The selection training (the search, where there is none) with the best validation accuracy.

        The earlier task wins a tie. Retraining, which sees the test set, has no say.
        """
        judges = [stage for stage in self.stages if stage != "retrain"]
        done = self._done(judges[-1]) if judges else []
        return max(done, key=lambda task: (_score(task), -task.index), default=None)

    def _ordered(self) -> list[Task]:
        return sorted(self.tasks.values(), key=lambda task: task.order)

    def _of(self, stage: str) -> list[Task]:
        return [task for task in self._ordered() if task.stage == stage]

    def _done(self, stage: str) -> list[Task]:
        return [task for task in self._of(stage) if task.state is State.DONE]

    def _open_tasks(self) -> list[Task]:
        return [task for task in self._ordered() if task.is_open and task.stage in self._opened]

    def _begun_after(self, stage: str) -> bool:
        return any(task.order[0] > STAGES.index(stage) for task in self.tasks.values())

    def _open(self, stage: str) -> None:
        """Add the stage's tasks to those that were restored.

        A stage after which another one had begun before a resume stays as it was then: what is missing
        in it is given up, not tried again.
        """
        over = self._begun_after(stage)
        make = {"search": self._searches, "select": self._selections, "retrain": self._retrainings}[stage]
        for task in make():
            self.tasks.setdefault(task.name, task)
        for task in self._of(stage):
            if over and task.is_open:
                task.state, task.reason = State.FAILED, LOST
        self._opened.append(stage)

    def _searches(self) -> Iterable[Task]:
        for index, (point, seed) in enumerate(self.points):
            yield Task("search", index, seed, point)

    def _selections(self) -> Iterable[Task]:
        seen = {identity(task.found) for task in self._of("select") if task.found}
        for search in self._done("search"):
            if search.found and identity(search.found) not in seen:
                seen.add(identity(search.found))
                yield Task("select", search.index, self.select_seed, search.point, search.found)

    def _retrainings(self) -> Iterable[Task]:
        source = next(iter(self._of("retrain")), None) or self.winner
        point = source.point if source else {}
        architecture = source.found if source else self.given
        for index, seed in enumerate(self.retrain_seeds):
            yield Task("retrain", index, seed, point, architecture)

    def _nothing_left(self, stage: str) -> str:
        tasks = self._of(stage)
        last = next((task for task in reversed(tasks) if task.reason), None)
        why = f" The last to fail was {last.name}: {last.reason}" if last else ""
        return f"Stage {stage}: no task succeeded of {len(tasks)} (attempts each: {self.max_attempts}).{why}"


def _score(task: Task) -> float:
    return task.result.score if task.result else float("-inf")
