"""What each trial was for and how it came out, with NNI's mix-ups put right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nni_darts.export.database import Trial
from nni_darts.pipeline.result import Result, read_architecture, read_result


@dataclass(frozen=True)
class Outcome:
    """One trial as one attempt at a task; trials of other people's pipelines have no task.

    ``parameters`` are those of its task, ``metrics`` the numbers of its final result, empty without one,
    ``architecture`` is what it found or trained, ``problem`` what keeps its final result from being one.
    """

    trial: Trial
    task: str | None
    parameters: dict[str, Any]
    metrics: dict[str, float]
    architecture: dict[str, Any] | None
    problem: str | None

    @property
    def stage(self) -> str | None:
        """``search`` for the task ``search/0``."""
        return self.task.partition("/")[0] if self.task else None

    @property
    def index(self) -> int:
        """0 for the task ``search/0``; -1 for anything that is no task of ours."""
        number = (self.task or "").partition("/")[2]
        return int(number) if number.isdecimal() else -1

    @property
    def done(self) -> bool:
        """Whether the trial delivered its task's result."""
        return self.task is not None and self.trial.final is not None and self.problem is None


def outcomes(trials: Iterable[Trial]) -> list[Outcome]:
    """One outcome per trial.

    Two trials that ask for parameters at once may get each other's, which NNI's record does not show. The
    task named in a final result is right; without one, the id under which a trial reported is; the record
    comes last.
    """
    trials = list(trials)
    sent = {str(trial.record.get("parameter_id")): _parameters(trial.record) for trial in trials}
    return [_outcome(trial, sent) for trial in trials]


def results(found: Iterable[Outcome], stage: str) -> list[Outcome]:
    """Of each task of a stage that has a result, the trial that delivered it first; in the tasks' order."""
    by_task: dict[str | None, Outcome] = {}
    for outcome in found:
        if outcome.stage == stage and outcome.done:
            by_task.setdefault(outcome.task, outcome)
    return sorted(by_task.values(), key=lambda outcome: outcome.index)


def _outcome(trial: Trial, sent: dict[str, dict[str, Any]]) -> Outcome:
    final = trial.final if isinstance(trial.final, dict) else {"default": trial.final}
    parameters = sent.get(str(trial.received)) or _parameters(trial.record)
    task = final.get("task") or parameters.get("task")
    if task != parameters.get("task"):
        parameters = next((others for others in sent.values() if others.get("task") == task), {})
    problem = None
    if trial.final is not None:
        read = read_result(final, str(task).partition("/")[0])
        problem = None if isinstance(read, Result) else read
    return Outcome(
        trial,
        task if isinstance(task, str) else None,
        parameters,
        {key: float(value) for key, value in final.items() if _is_number(value)},
        read_architecture(final.get("architecture")) or read_architecture(parameters.get("architecture")),
        problem,
    )


def _parameters(record: dict[str, Any]) -> dict[str, Any]:
    parameters = record.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
