"""Launching, with an nnictl that reads its answers from a list and a manager that is a small web server."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from nni_darts.errors import ConfigError, RunError
from nni_darts.pipeline import launch as launch_module
from nni_darts.pipeline.launch import Launch
from nni_darts.pipeline.port import PORTS, free_port
from tests.pipeline.rest import serving

LATE = "tuner_command_channel: Tuner did not connect in 10 seconds. Please check tuner (dispatcher) log."
SILENT = "no answer at all"
FAILED = (
    "[2026-01-01] ERROR: Create experiment failed: Connection refused\nConnectionError: Connection refused"
)


def created(name: str) -> str:
    """What nnictl says of a new experiment, in NNI's colours."""
    return (
        f"[2026-01-01 00:00:00] \x1b[32mCreating experiment, Experiment ID: \x1b[36m{name}\x1b[0m\n"
        "[2026-01-01 00:00:01] \x1b[32mReference: https://nni.readthedocs.io\x1b[0m\n"
    )


class FakeNnictl:
    """A script beside ``sys.executable``: notes arguments, PATH and group, says the next of ``answers``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        script = folder / "bin" / "nnictl"
        script.parent.mkdir()
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {folder}/calls\necho "$PATH" > {folder}/path\n'
            f"ps -o pgid= -p $$ > {folder}/group\n"
            f'{{ sleep "$PAUSE"; n=$(wc -l < {folder}/calls); cat {folder}/answer-$n; }}\n'
        )
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script.with_name("python3")))

    def says(self, *answers: str) -> None:
        for number, answer in enumerate(answers, 1):
            (self.folder / f"answer-{number}").write_text(answer)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


class FakeManager:
    """Answers with ``looks`` in order, the last for good: (status, statuses of the trials, more)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = "new"
        self.looks: list[tuple[str, list[str], dict[str, Any]]] = []
        self.look = -1

    def __call__(self, method: str, path: str, body: Any) -> Any:
        if path.endswith("/check-status"):
            self.look = min(self.look + 1, len(self.looks) - 1)
        status, trials, more = self.looks[self.look]
        if status == SILENT:
            raise ConnectionResetError
        if path.endswith("/check-status"):
            return {"status": status, "errors": more.get("errors", [])}
        if path.endswith("/trial-jobs"):
            return [{"trialJobId": str(number), "status": name} for number, name in enumerate(trials)]
        return {"id": self.id, "logDir": str(self.folder), "execDuration": more.get("seconds", 0)}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE", "START_PAUSE"):
        monkeypatch.setattr(launch_module, name, 0.01)
    monkeypatch.setattr(launch_module, "PATIENCE", 3)


@pytest.fixture
def nnictl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> FakeNnictl:
    monkeypatch.setenv("PAUSE", "0")
    return FakeNnictl(tmp_path, monkeypatch)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Iterator[FakeManager]:
    """Listens on the port that the next experiment gets."""
    fake = FakeManager(tmp_path / "new")
    with serving(fake) as root:
        port = int(root.rpartition(":")[2])
        monkeypatch.setattr(launch_module, "free_port", lambda wished: port)
        yield fake


def test_create_waits_until_the_tuner_has_connected(
    tmp_path: Path, nnictl: FakeNnictl, manager: FakeManager
) -> None:
    """RUNNING alone means nothing yet: NNI's clock must run."""
    nnictl.says(created("new"))
    manager.looks = [("INITIALIZED", [], {}), ("RUNNING", [], {}), ("RUNNING", [], {"seconds": 1})]
    launch = Launch(tmp_path / "e.yml", 8080, url_prefix="a/b")
    launch.create()
    assert manager.look == 2
    assert (launch.id, launch.folder) == ("new", tmp_path / "new")
    assert launch.page == f"http://localhost:{launch.port}/a/b"
    assert nnictl.calls == [f"create --config {tmp_path}/e.yml --url_prefix a/b --port {launch.port}"]
    # The trial command's python3 is the one that runs this.
    assert (tmp_path / "path").read_text().startswith(f"{tmp_path}/bin:")


def test_an_experiment_that_ends_at_once_for_its_own_reasons_came_up(
    tmp_path: Path, nnictl: FakeNnictl, manager: FakeManager
) -> None:
    nnictl.says(created("new"))
    manager.looks = [("ERROR", [], {"errors": ['Bad unit in "no gpu."']})]
    Launch(tmp_path / "e.yml", 8080).create()
    assert len(nnictl.calls) == 1


def test_create_is_repeated_when_nni_was_too_slow(
    tmp_path: Path, nnictl: FakeNnictl, manager: FakeManager
) -> None:
    """First the manager, then the tuner, which shows only after a while as RUNNING."""
    nnictl.says(created("one") + FAILED, "", created("two"), "", created("new"))
    manager.id = "two"
    late = ("ERROR", [], {"errors": [LATE]})
    manager.looks = [("RUNNING", [], {}), ("RUNNING", [], {}), late, ("RUNNING", [], {})]
    launch = Launch(tmp_path / "e.yml", 8080)
    stop = launch.stop

    def stopped() -> None:
        stop()
        if manager.look == 2:
            manager.id = "new"
            manager.looks.append(("RUNNING", [], {"seconds": 1}))

    launch.stop = stopped  # type: ignore[method-assign]
    launch.create()
    assert [call.split(" --")[0] for call in nnictl.calls] == [
        "create",
        "stop one",
        "create",
        "stop two",
        "create",
    ]
    assert launch.id == "new"


def test_create_gives_up_with_the_reason_and_its_log(
    tmp_path: Path, nnictl: FakeNnictl, manager: FakeManager
) -> None:
    nnictl.says(*[created("new"), ""] * 3)
    manager.looks = [("ERROR", [], {"errors": [LATE]})]
    with pytest.raises(RunError, match=r"in 3 tries: .* did not connect in 10 .*new/log/dispatcher.log"):
        Launch(tmp_path / "e.yml", 8080).create()
    assert nnictl.calls[1::2] == ["stop new"] * 3


def test_another_experiment_on_the_port_is_not_taken_for_it(
    tmp_path: Path, nnictl: FakeNnictl, manager: FakeManager
) -> None:
    nnictl.says(*[created("new"), ""] * 3)
    manager.looks, manager.id = [("DONE", ["SUCCEEDED"], {})], "other"
    with pytest.raises(RunError, match=r"in 3 tries: another experiment has port \d+"):
        Launch(tmp_path / "e.yml", 8080).create()


def test_a_dead_manager_did_not_come_up(tmp_path: Path, nnictl: FakeNnictl) -> None:
    nnictl.says(*[created("new"), ""] * 3)
    with pytest.raises(RunError, match="in 3 tries: it ended at once"):
        Launch(tmp_path / "e.yml", 0).create()


def test_a_refused_file_is_not_tried_again(tmp_path: Path, nnictl: FakeNnictl) -> None:
    nnictl.says("Traceback (most recent call last):\n  File ...\nValueError: ExperimentConfig: no tuner\n\n")
    with pytest.raises(ConfigError, match=r"refuses .*e.yml: ValueError: ExperimentConfig: no tuner$"):
        Launch(tmp_path / "e.yml", 0).create()
    assert len(nnictl.calls) == 1


def test_a_port_that_was_taken_in_between_is_left_alone(
    tmp_path: Path, nnictl: FakeNnictl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "free_port", lambda wished: wished)
    nnictl.says(*(f"RuntimeError: Port {port} is not idle \n" for port in (8080, 8081, 8082)))
    with pytest.raises(RunError, match="port 8082 was taken by another program"):
        Launch(tmp_path / "e.yml", 8080).create()
    assert [call[-4:] for call in nnictl.calls] == ["8080", "8081", "8082"]


def test_ctrl_c_while_nnictl_works_leaves_an_experiment_that_can_be_stopped(
    tmp_path: Path, nnictl: FakeNnictl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "1")
    nnictl.says(created("new"), "")
    launch = Launch(tmp_path / "e.yml", 0)
    timer = Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        launch.create()
    timer.join()
    assert launch.id == "new"
    # A terminal sends Ctrl-C to the whole process group, which nnictl must not be in.
    assert int((tmp_path / "group").read_text()) != os.getpgrp()
    launch.environment["PAUSE"] = "0"
    launch.stop()
    assert nnictl.calls[-1] == "stop new"


def test_without_an_experiment_there_is_nothing_to_stop(tmp_path: Path, nnictl: FakeNnictl) -> None:
    Launch(tmp_path / "e.yml", 0).stop()
    assert not (tmp_path / "calls").exists()


def test_a_missing_nnictl_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(ConfigError, match="nnictl is not there"):
        Launch(tmp_path / "e.yml", 0, environment={"PATH": str(tmp_path)}).create()


@pytest.fixture
def watched(tmp_path: Path, manager: FakeManager) -> Launch:
    launch = Launch(tmp_path / "e.yml", launch_module.free_port(0))
    launch.id = "new"
    launch.folder = tmp_path / "new"
    return launch


def test_progress_speaks_only_of_changes(manager: FakeManager, watched: Launch) -> None:
    manager.looks = [
        ("INITIALIZED", [], {}),
        ("RUNNING", [], {}),
        ("RUNNING", ["RUNNING", "WAITING"], {}),
        ("RUNNING", ["WAITING", "RUNNING"], {}),
        ("TUNER_NO_MORE_TRIAL", ["USER_CANCELED", "SUCCEEDED", "RUNNING"], {}),
        ("NO_MORE_TRIAL", ["USER_CANCELED", "SUCCEEDED", "SUCCEEDED"], {}),
        ("DONE", ["USER_CANCELED", "SUCCEEDED", "SUCCEEDED"], {}),
    ]
    assert list(watched.progress()) == [
        "starting",
        "1 running, 1 waiting",
        "1 running, 1 succeeded, 1 user canceled",
        "2 succeeded, 1 user canceled",
    ]


def test_an_error_is_told_as_the_advisor_wrote_it(manager: FakeManager, watched: Launch) -> None:
    sentence = "Stage select: no task succeeded of 2. The last: /Data/CIFAR is missing."
    log = watched.folder / "log" / "dispatcher.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"[2026-01-01] INFO (x) started\n[2026-01-01] ERROR (y/Thread-1 (z)) {sentence}\n")
    wrapped = f'Bad unit in "{sentence.lower()}"'
    errors = [wrapped, f"Job management error: {wrapped}", "Disk full"]
    manager.looks = [("ERROR", ["FAILED"], {"errors": errors})]
    with pytest.raises(RunError) as caught:
        list(watched.progress())
    first, second, where = str(caught.value).splitlines()
    assert (first, second) == (sentence, "Disk full")
    assert f"{watched.folder}/environments/local-env/trials/<trial>/trial.log" in where and str(log) in where


def test_an_error_without_a_log_is_told_in_small_letters(manager: FakeManager, watched: Launch) -> None:
    manager.looks = [("ERROR", [], {"errors": ['Bad unit in "no gpu is there."']})]
    with pytest.raises(RunError, match=r"^no gpu is there\.\n"):
        list(watched.progress())


def test_an_experiment_stopped_from_elsewhere_is_not_done(manager: FakeManager, watched: Launch) -> None:
    manager.looks = [("STOPPING", [], {})]
    with pytest.raises(RunError, match=r"stopped from elsewhere; nnictl resume new --port \d+ continues it"):
        list(watched.progress())


def test_a_manager_that_goes_away_is_waited_for_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    pauses: list[float] = []
    fake = FakeManager(tmp_path)
    fake.looks = [("RUNNING", ["RUNNING"], {})]
    with ExitStack() as alive:
        launch = Launch(tmp_path / "e.yml", int(alive.enter_context(serving(fake)).rpartition(":")[2]))
        launch.id = "new"
        progress = launch.progress()
        assert next(progress) == "1 running"
        alive.close()
        monkeypatch.setattr(launch_module.time, "sleep", pauses.append)
        with pytest.raises(
            RunError, match=rf"went away; nnictl resume new --port {launch.port} continues it"
        ):
            next(progress)
    assert len(pauses) == launch_module.PATIENCE


def test_after_a_silence_the_same_experiment_goes_on(manager: FakeManager, watched: Launch) -> None:
    manager.looks = [(SILENT, [], {}), ("DONE", ["SUCCEEDED"], {})]
    assert list(watched.progress()) == ["1 succeeded"]


def test_after_a_silence_another_experiment_is_not_taken_for_it(
    manager: FakeManager, watched: Launch
) -> None:
    """Somebody stopped this one and started another on its port."""
    manager.looks, manager.id = [(SILENT, [], {}), ("DONE", ["SUCCEEDED"], {})], "other"
    with pytest.raises(RunError, match="went away"):
        list(watched.progress())


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_used_port_is_skipped(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as used:
        port = used.getsockname()[1]
        assert port < free_port(port) < port + PORTS


def test_any_free_port_or_none() -> None:
    assert free_port(0) > 0
    with pytest.raises(ConfigError, match="--port: none of 65536 to"):
        free_port(65536)
