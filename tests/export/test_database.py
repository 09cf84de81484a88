from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nni_darts.errors import RunError
from nni_darts.export.database import read_database
from tests.export.fake_experiment import START, FakeExperiment


def database(fake: FakeExperiment) -> Path:
    return fake.folder / "db" / "nni.sqlite"


def test_finished_trial(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path, stages=["search"])
    fake.trial("search/0", {"default": 50.0}, seed=3)
    record = read_database(database(fake))
    assert record.config["tuner"]["classArgs"] == {"stages": ["search"]}
    assert (record.start, record.end) == (START, START + 60_000)
    (trial,) = record.trials
    assert (trial.id, trial.status, trial.number) == ("T0", "SUCCEEDED", 0)
    assert (trial.start, trial.end) == (START, START + 10_000)
    assert trial.record["parameters"]["seed"] == 3
    assert trial.final == {"default": 50.0, "task": "search/0"}


def test_statuses_follow_nnis_replay(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", None, status="RUNNING")
    fake.event("T0", "USER_TO_CANCEL", 5)
    fake.trial("search/1", None, status="FAILED")
    fake.event("", "IMPORT_DATA", 6)
    fake.event("hand", "ADD_CUSTOMIZED", 7)
    statuses = {trial.id: trial.status for trial in read_database(database(fake)).trials}
    assert statuses == {"T0": "USER_CANCELED", "T1": "FAILED", "hand": "WAITING"}


def test_resumed_trial_has_no_end_yet(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", None, status="SYS_CANCELED")
    fake.event("T0", "RUNNING", 100)
    (trial,) = read_database(database(fake)).trials
    assert (trial.status, trial.start, trial.end) == ("RUNNING", START + 100_000, None)


def test_the_first_of_two_finals_counts(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", {"default": 50.0})
    fake.metric("T0", "FINAL", {"default": 99.0}, 0)
    assert read_database(database(fake)).trials[0].final["default"] == 50.0


def test_reading_changes_nothing_while_the_manager_has_it_open(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", {"default": 50.0})
    before = database(fake).read_bytes()
    read_database(database(fake))
    assert database(fake).read_bytes() == before
    assert [path.name for path in database(fake).parent.iterdir()] == ["nni.sqlite"]


def test_a_manager_killed_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """Its half-written rows are rolled back; a read-only connection could not even open the file."""
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", {"default": 50.0})
    writer = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('pragma cache_size = 1')\n"
        "c.execute('begin immediate')\n"
        "c.execute(\"update TrialJobEvent set event = 'FAILED', data = hex(zeroblob(99999))\")\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", writer, str(database(fake))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert database(fake).with_name("nni.sqlite-journal").exists()
    assert read_database(database(fake)).trials[0].status == "SUCCEEDED"


def test_unreadable_and_empty_databases_are_one_sentence(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.database.execute("delete from ExperimentProfile")
    fake.database.commit()
    with pytest.raises(RunError, match="no experiment yet"):
        read_database(database(fake))
    shutil.copy(__file__, tmp_path / "other.sqlite")
    with pytest.raises(RunError, match="cannot be read"):
        read_database(tmp_path / "other.sqlite")
