"""Between settings, tasks and the parameters that a trial receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nni_darts.config import Settings, apply_point, seed_of
from nni_darts.config.machine import genotype_problems
from nni_darts.errors import ConfigError
from nni_darts.genotype import EVERY_PUBLISHED, resolve
from nni_darts.pipeline.plan import Plan
from nni_darts.pipeline.task import STAGES, State, Task


def plan_of(settings: Settings, points: Sequence[Mapping[str, Any]], folder: Path | None = None) -> Plan:
    """The plan of an experiment.

    Parameters
    ----------
    settings
        The experiment's settings.
    points
        Every point of its search space.
    folder
        Where a relative path in ``genotype`` starts; the current folder when left out.

    Raises
    ------
    ConfigError
        With every point that names no setting or a wrong value, or with what is wrong with the genotype.
    """
    problems: list[str] = []
    for point in points:
        try:
            apply_point(settings, point)
        except ConfigError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    genotype = None if settings.genotype is None else _placed(settings.genotype, folder)
    problems += map(str, genotype_problems(settings.model_copy(update={"genotype": genotype})))
    if problems:
        raise ConfigError(*problems)
    return Plan(
        settings.stages,
        [(dict(point), seed_of(point)) for point in points],
        settings.retrain.seeds,
        select_seed=settings.select.seed,
        max_attempts=settings.max_attempts,
        architecture=None if genotype is None else resolve(genotype).to_dict(),
    )


def _placed(genotype: str, folder: Path | None) -> str:
    """The genotype, with a relative path made absolute where it names a file or folder below ``folder``."""
    if folder is None or genotype in EVERY_PUBLISHED or "(" in genotype or genotype.lstrip().startswith("{"):
        return genotype
    path = folder / genotype
    return str(path) if path.exists() else genotype


def parameters_of(task: Task, settings: Settings) -> dict[str, Any]:
    """Everything the task's next trial needs, as plain JSON types."""
    return {
        "task": task.name,
        "stage": task.stage,
        "attempt": task.attempts,
        "seed": task.seed,
        "point": task.point,
        "settings": apply_point(settings, task.point).to_dict(),
        "architecture": task.architecture,
    }


def task_of(parameters: Any) -> Task | None:
    """The running task that a trial's parameters speak of; None for parameters that are not ours."""
    if not isinstance(parameters, Mapping):
        return None
    stage, _, index = str(parameters.get("task", "")).partition("/")
    if stage not in STAGES or not index.isdecimal():
        return None
    return Task(
        stage,
        int(index),
        seed=int(parameters.get("seed", 0)),
        point=dict(parameters.get("point") or {}),
        architecture=parameters.get("architecture"),
        state=State.RUNNING,
        attempts=int(parameters.get("attempt", 1)),
    )
