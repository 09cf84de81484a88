"""NNI's own record of an experiment, read from its SQLite file whether or not the manager lives.

Tables and their meaning are those of ``nni_node/core/sqlDatabase.js`` and ``nniDataStore.js`` (NNI 3.0).
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nni_darts.errors import RunError
from nni_darts.pipeline.result import decoded

_ENDS = {"SUCCEEDED", "FAILED", "USER_CANCELED", "SYS_CANCELED", "EARLY_STOPPED"}
# Events whose name is not the status that follows; None: the status stays.
_STATUS = {"USER_TO_CANCEL": "USER_CANCELED", "ADD_CUSTOMIZED": "WAITING", "ADD_HYPERPARAMETER": None}


@dataclass
class Trial:
    """One trial; times are milliseconds since 1970.

    ``record`` is what NNI wrote down as its parameters, ``received`` the id of those it really got, and
    ``final`` the first final result it reported, even if NNI hides it (a trial cancelled just then).
    """

    id: str
    status: str = "UNKNOWN"
    number: int | None = None
    start: int | None = None
    end: int | None = None
    record: dict[str, Any] = field(default_factory=dict)
    received: str | None = None
    final: Any = None


@dataclass(frozen=True)
class Experiment:
    """The experiment file as NNI read it, the times, and all trials in the order in which they began."""

    id: str
    config: dict[str, Any]
    start: int | None
    end: int | None
    trials: list[Trial]


def read_database(path: Path) -> Experiment:
    """Read everything; a database that cannot be read is a RunError."""
    try:
        # Read-only mode cannot open what a killed manager left in the middle of a write; so the file
        # is opened like any other, which rolls that write back, and then told to change nothing.
        name = f"file:{quote(str(path))}?mode=rw"
        with closing(sqlite3.connect(name, uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("pragma query_only = on")
            profile = connection.execute("select * from ExperimentProfile order by revision desc").fetchone()
            events = connection.execute("select * from TrialJobEvent order by rowid").fetchall()
            metrics = connection.execute("select * from MetricData order by rowid").fetchall()
    except sqlite3.Error as error:
        raise RunError(f"{path}: NNI's database cannot be read ({error}).") from None
    if profile is None:
        raise RunError(f"{path}: holds no experiment yet; its manager has only just started.")
    trials = _replay(events)
    for row in metrics:
        _add_metric(trials.get(row["trialJobId"]), row)
    return Experiment(
        profile["id"],
        json.loads(profile["params"]),
        profile["startTime"],
        profile["endTime"],
        list(trials.values()),
    )


def _replay(events: list[sqlite3.Row]) -> dict[str, Trial]:
    """The trials after all their events, as NNI's ``getTrialJobsByReplayEvents`` finds them."""
    trials: dict[str, Trial] = {}
    for event in events:
        if not event["trialJobId"]:
            continue  # imported data
        trial = trials.setdefault(event["trialJobId"], Trial(event["trialJobId"]))
        name = event["event"]
        trial.status = _STATUS.get(name, name) or trial.status
        if name == "RUNNING" or (trial.start is None and name in {"WAITING", *_ENDS}):
            trial.start = event["timestamp"]
        if name == "RUNNING":
            trial.end = None  # it goes on after a resume
        elif name in _ENDS:
            trial.end = event["timestamp"]
        if trial.number is None:
            trial.number = event["sequenceId"]
        if not trial.record and event["data"]:
            trial.record = json.loads(event["data"])
    return trials


def _add_metric(trial: Trial | None, row: sqlite3.Row) -> None:
    if trial is None:
        return
    trial.received = row["parameterId"]
    if row["type"] == "FINAL" and trial.final is None:
        trial.final = decoded(row["data"])
