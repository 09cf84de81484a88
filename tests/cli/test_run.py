"""``nni-darts run``: with a launch that only pretends, and once for real."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests
from click.testing import Result

from nni_darts.errors import RunError
from nni_darts.genotype import PUBLISHED, Architecture
from nni_darts.pipeline import launch as launch_module
from nni_darts.pipeline.launch import Launch
from tests.cli.conftest import call
from tests.export.fake_experiment import FakeExperiment
from tests.pipeline.test_experiment import ALL_DONE, PATIENCE, done, experiment

FILE = """
trialCommand: python3 -m nni_darts trial
trialConcurrency: 1
searchSpace: {}
tuner: {codeDirectory: ., className: nni_darts.pipeline.advisor.Advisor, classArgs: {stages: STAGES}}
trainingService: {platform: local}
"""
ARCHITECTURE = Architecture.from_genotype(PUBLISHED["DARTS_V1"]).to_json()


class FakeLaunch(Launch):
    """Starts nothing; the experiment's progress ends with ``error``, if there is one."""

    error: BaseException | None = None
    stopped: list[str]

    def create(self) -> None:
        self.id = "abc12345"

    def progress(self) -> Iterator[str]:
        yield "1 running"
        if self.error:
            raise self.error

    def stop(self) -> None:
        self.stopped.append(self.id)


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[FakeLaunch]:
    """Replaces the real one, in a home and a current folder of its own."""
    monkeypatch.setattr(FakeLaunch, "stopped", [], raising=False)
    monkeypatch.setattr(FakeLaunch, "error", None)
    monkeypatch.setattr(launch_module, "Launch", FakeLaunch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return FakeLaunch


def run(folder: Path, *more: object, stages: Sequence[str] = ("search",)) -> Result:
    """Run a file with these stages, of which a search gets done."""
    home = folder / "nni-experiments"
    home.mkdir()
    fake = FakeExperiment(home, stages=stages)
    fake.trial("search/0", {"default": 61.5, "valid_accuracy": 61.5, "architecture": ARCHITECTURE})
    (folder / "e.yml").write_text(FILE.replace("STAGES", json.dumps(stages)))
    return call("run", folder / "e.yml", *more)


def test_a_search_alone_is_collected_too(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    search, genotype, where = result.stdout.splitlines()
    assert search == "search: valid accuracy 61.50 (n=1)"
    assert genotype == str(PUBLISHED["DARTS_V1"])
    assert where == "results: results/abc12345"
    assert (tmp_path / "results" / "abc12345" / "summary.json").is_file()
    assert "experiment abc12345: http://localhost:8080" in result.stderr and "1 running" in result.stderr
    assert launch.stopped == ["abc12345"]


def test_the_last_line_can_be_json_and_the_rest_quiet(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    result = run(tmp_path, "--json", "--quiet", "--out", "here")
    found = json.loads(result.stdout)
    assert (found["experiment"], found["out"], result.stderr) == ("abc12345", "here", "")
    assert found["summary"]["stages"]["search"]["valid_accuracy"]["mean"] == 61.5


def test_an_experiment_in_error_is_told_and_stopped(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    launch.error = RunError("Stage search: no task succeeded.\nthe trials' logs are there.")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        "error: Stage search: no task succeeded.",
        "error: the trials' logs are there.",
    ]
    assert launch.stopped == ["abc12345"]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    launch.error = KeyboardInterrupt()
    before = signal.getsignal(signal.SIGTERM)
    result = run(tmp_path, "--port", 9000)
    assert result.exit_code == 130
    assert "error: stopped; nnictl resume abc12345 --port 9000 continues it" in result.stderr
    assert launch.stopped == ["abc12345"] and signal.getsignal(signal.SIGTERM) is before


def test_being_terminated_is_like_ctrl_c(
    tmp_path: Path, launch: type[FakeLaunch], monkeypatch: pytest.MonkeyPatch
) -> None:
    def progress(_: FakeLaunch) -> Iterator[str]:
        signal.raise_signal(signal.SIGTERM)
        yield "not reached"

    monkeypatch.setattr(launch, "progress", progress)
    assert run(tmp_path).exit_code == 130
    assert launch.stopped == ["abc12345"]


def test_an_experiment_that_was_cut_short_is_collected_but_no_success(
    tmp_path: Path, launch: type[FakeLaunch]
) -> None:
    result = run(tmp_path, stages=("search", "select", "retrain"))
    assert result.exit_code == 1
    assert "error: no result of select, retrain: maxTrialNumber or maxExperimentDuration" in result.stderr
    assert (tmp_path / "results" / "abc12345" / "genotype.json").is_file()


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").touch()
    taken = run(tmp_path, "--out", "notes")
    assert taken.exit_code == 2 and "--out notes: is in the way" in taken.stderr
    (tmp_path / "s.yml").write_text("search: {epochs: 3}\n")
    bare = call("run", tmp_path / "s.yml")
    assert bare.exit_code == 2 and "holds settings only" in bare.stderr
    (tmp_path / "e.yml").write_text(FILE.replace("STAGES", "[serach]"))
    wrong = call("run", tmp_path / "e.yml")
    assert wrong.exit_code == 2 and "serach" in wrong.stderr
    assert call("run", tmp_path / "e.yml", "--port", 70000).exit_code == 2
    assert launch.stopped == []


def test_results_that_cannot_be_written_are_not_lost(tmp_path: Path, launch: type[FakeLaunch]) -> None:
    (tmp_path / "results").write_text("a file where the folder should be")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "nni-darts export abc12345 --out DIR collects its results" in result.stderr


@pytest.mark.nnictl
def test_ctrl_c_stops_a_real_experiment_and_nnictl_resumes_it(tmp_path: Path) -> None:
    made = experiment(tmp_path, {"search/1": "hang"})
    made.config["trialCommand"] += " # nni_darts trial"  # what the file is checked for
    command = [sys.executable, "-m", "nni_darts", "run", str(made.write()), "--port", "18650"]
    process = subprocess.Popen(command, env=made.env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "succeeded" in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130, lines
    started = re.search(r"experiment (\w+): http://localhost:(\d+) ", "".join(lines))
    assert started, lines
    made.launch.id, made.launch.port = started[1], int(started[2])
    resume = f"nnictl resume {made.launch.id} --port {made.launch.port}"
    assert lines[-1].startswith(f"error: stopped; {resume} continues it")
    with pytest.raises(requests.ConnectionError):
        made.status()
    (tmp_path / "orders" / "search_1").unlink()  # it need not hang again
    try:
        made.resume()
        assert made.wait(PATIENCE)["status"] == "DONE"
        assert done(made) == ALL_DONE
    finally:
        made.stop()
