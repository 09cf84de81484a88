"""Tables of an experiment: every trial, and the spread over the tasks of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from nni_darts.export.outcome import Outcome, results
from nni_darts.pipeline.task import STAGES

if TYPE_CHECKING:
    import pandas as pd

SPREAD = ("n", "mean", "std", "min", "max")


def trial_table(found: Sequence[Outcome]) -> pd.DataFrame:
    """One row per trial: what it was for, how it went, and its final numbers, ``default`` first."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "trial": [outcome.trial.id for outcome in found],
            "number": pd.array([outcome.trial.number for outcome in found], dtype="Int64"),
            "task": [outcome.task for outcome in found],
            "stage": [outcome.stage for outcome in found],
            "attempt": pd.array([outcome.parameters.get("attempt") for outcome in found], dtype="Int64"),
            "seed": pd.array([outcome.parameters.get("seed") for outcome in found], dtype="Int64"),
            "status": [outcome.trial.status for outcome in found],
            "start": [utc(outcome.trial.start) for outcome in found],
            "end": [utc(outcome.trial.end) for outcome in found],
            "seconds": [_seconds(outcome.trial.start, outcome.trial.end) for outcome in found],
            "problem": [outcome.problem for outcome in found],
        }
    )
    points = pd.DataFrame([outcome.parameters.get("point") or {} for outcome in found])
    return table.join(points.add_prefix("point.")).join(_metrics(found), rsuffix="_result")


def stage_table(found: Sequence[Outcome]) -> pd.DataFrame:
    """Mean and spread of every number over the finished tasks of each stage.

    ``std`` is the sample standard deviation (divided by n - 1), empty for a single task; a task that two
    trials finished counts once.
    """
    import pandas as pd

    rows = []
    for stage in STAGES:
        for name, values in _metrics(results(found, stage)).items():
            known = values.dropna()
            spread = (len(known), known.mean(), known.std(ddof=1), known.min(), known.max())
            rows.append((stage, name, *spread))
    return pd.DataFrame(rows, columns=["stage", "metric", *SPREAD])


def utc(milliseconds: int | None) -> str | None:
    """Milliseconds since 1970 as ISO text in UTC."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / 1000


def _metrics(found: Sequence[Outcome]) -> pd.DataFrame:
    import pandas as pd

    names: dict[str, Any] = dict.fromkeys(name for outcome in found for name in outcome.metrics)
    ordered = sorted(names, key=lambda name: name != "default")
    rows = [[outcome.metrics.get(name) for name in ordered] for outcome in found]
    return pd.DataFrame(rows, columns=ordered, dtype=float)
