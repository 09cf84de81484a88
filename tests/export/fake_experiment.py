"""An NNI experiment as its manager leaves it on disk: database, list of experiments, folders of the trials.

The schema is that of ``nni_node/core/sqlDatabase.js``; rows look like those of a real experiment.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

SCHEMA = """
create table TrialJobEvent (
    timestamp integer, trialJobId text, event text, data text, logPath text, sequenceId integer,
    message text, environmentId text);
create table MetricData (
    timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (
    params text, id text, execDuration integer, startTime integer, endTime integer, logDir text,
    nextSequenceId integer, revision integer);
"""
START = 1_700_000_000_000


class FakeExperiment:
    """Writes what a manager would; every trial takes ten seconds."""

    def __init__(self, home: Path, id: str = "abc12345", status: str = "DONE", **class_args: Any) -> None:
        self.id = id
        self.folder = home / "elsewhere" / id
        (self.folder / "db").mkdir(parents=True)
        self.database = sqlite3.connect(self.folder / "db" / "nni.sqlite")
        self.database.executescript(SCHEMA)
        params = json.dumps({"experimentName": "darts-test", "tuner": {"classArgs": class_args}})
        for revision in (1, 2):
            end = START + 60_000 if revision == 2 else None
            profile = (params, id, 0, START, end, str(self.folder), 0, revision)
            self.database.execute("insert into ExperimentProfile values (?,?,?,?,?,?,?,?)", profile)
        self.database.commit()
        self.trials = 0
        listed = {"experimentName": "darts-test", "status": status, "logDir": str(home / "elsewhere")}
        (home / ".experiment").write_text(json.dumps({id: {"id": id, "startTime": START, **listed}}))

    def event(self, trial: str, name: str, at: int, data: Any = None, number: int | None = None) -> None:
        text = None if data is None else json.dumps(data)
        row = (START + at * 1000, trial, name, text, str(self.run(trial)), number, None, "local-env")
        self.database.execute("insert into TrialJobEvent values (?,?,?,?,?,?,?,?)", row)
        self.database.commit()

    def metric(self, trial: str, kind: str, value: Any, parameter_id: int) -> None:
        row = (START, trial, str(parameter_id), kind, 0, json.dumps(json.dumps(value)))
        self.database.execute("insert into MetricData values (?,?,?,?,?,?)", row)
        self.database.commit()

    def run(self, trial: str) -> Path:
        return self.folder / "environments" / "local-env" / "trials" / trial

    def trial(
        self,
        task: str,
        final: dict[str, Any] | None,
        *,
        status: str = "SUCCEEDED",
        recorded: str | None = None,
        files: bool = True,
        **parameters: Any,
    ) -> str:
        """A trial that worked on ``task``; ``recorded`` is the task NNI wrote down, if another."""
        number = self.trials
        self.trials += 1
        trial = f"T{number}"
        sent = {"task": recorded or task, "stage": task.partition("/")[0], "attempt": 1, **parameters}
        record = {"parameter_id": number, "parameter_source": "algorithm", "parameters": sent}
        self.event(trial, "WAITING", 20 * number, record, number)
        self.event(trial, "RUNNING", 20 * number, None, number)
        if final is not None:
            self.metric(trial, "PERIODICAL", {"default": 1.0}, number)
            self.metric(trial, "FINAL", {**final, "task": task}, number)
        if status != "RUNNING":
            self.event(trial, status, 20 * number + 10, None, number)
        if files:
            self.run(trial).mkdir(parents=True)
            (self.run(trial) / "last.ckpt").write_text(f"weights of {task}")
            (self.run(trial) / ".metrics.csv.x.partial").write_text("half")
        return trial
