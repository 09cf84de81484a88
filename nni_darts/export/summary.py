"""The numbers of an experiment in one JSON file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nni_darts.export.database import Experiment
from nni_darts.export.location import Location
from nni_darts.export.outcome import Outcome
from nni_darts.export.tables import SPREAD, stage_table, utc
from nni_darts.export.winner import Winner


def summary(
    location: Location, record: Experiment, found: Sequence[Outcome], winner: Winner | None
) -> dict[str, Any]:
    """What ``summary.json`` holds: the experiment, its trials by status, the winner, the spread by stage."""
    stages: dict[str, dict[str, Any]] = {}
    for row in stage_table(found).to_dict("records"):
        spread = {key: row[key] if math.isfinite(row[key]) else None for key in SPREAD}
        stages.setdefault(row["stage"], {})[row["metric"]] = spread
    return {
        "schema": 1,
        "experiment": record.id,
        "name": record.config.get("experimentName"),
        "status": location.status,
        "start": utc(record.start),
        "end": utc(record.end),
        "trials": dict(Counter(outcome.trial.status for outcome in found)),
        "winner": {"task": winner.task, "space": winner.architecture.space} if winner else None,
        "stages": stages,
    }
