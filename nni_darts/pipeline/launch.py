"""Start an experiment with ``nnictl``, watch it to its end, stop its manager."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from nni_darts.errors import ConfigError, RunError
from nni_darts.pipeline.manager import Manager
from nni_darts.pipeline.port import free_port

TRIES = 3
"""On a busy machine the manager, or the tuner, can miss NNI's own deadlines of 3 and 10 seconds."""

PAUSE = 2.0
"""Seconds between two looks at a running experiment."""

PATIENCE = 30
"""Looks in a row without an answer after which the manager counts as gone."""

START, START_PAUSE = 30.0, 0.5
"""Seconds in which it shows whether an experiment came up, and seconds between two looks meanwhile."""


class Launch:
    """One experiment under ``nnictl``.

    Parameters
    ----------
    file
        Its experiment file.
    port
        The port of its page, or where to begin looking for a free one.
    url_prefix
        Path before all of the manager's addresses.
    environment
        What ``nnictl``, and so the manager and its trials, get as environment variables; this process's
        when left out.

    Attributes
    ----------
    id, port, folder
        Of the experiment, once it has come up; the folder is NNI's, with its logs and trials.
    """

    def __init__(
        self, file: Path, port: int, *, url_prefix: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        self.file = file
        self.port = port
        self.url_prefix = url_prefix
        self.id = ""
        self.folder = Path()
        variables = os.environ if environment is None else environment
        # Trials run "python3 -m nni_darts trial": it must be the python that runs this.
        path = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
        self.environment = {**variables, "PATH": path}

    @property
    def page(self) -> str:
        """Address of the web page."""
        return f"http://localhost:{self.port}" + (f"/{self.url_prefix}" if self.url_prefix else "")

    @property
    def ways_on(self) -> str:
        """What can be done with an experiment that was left in the middle."""
        resume = f"nnictl resume {self.id} --port {self.port}"
        return f"{resume} continues it, nni-darts export {self.id} collects what it has so far."

    def create(self) -> None:
        """``nnictl create``; errors as in :meth:`start`."""
        prefix = ["--url_prefix", self.url_prefix] if self.url_prefix else []
        self.start("create", "--config", str(self.file), *prefix)

    def start(self, *words: str) -> None:
        """``nnictl create ...`` or ``nnictl resume ...``, again where NNI was too slow for itself.

        Raises
        ------
        ConfigError
            ``nnictl`` refuses.
        RunError
            The manager does not come up.
        """
        trouble = ""
        for _ in range(TRIES):
            self.port = free_port(self.port)
            said = self.nnictl(*words, "--port", str(self.port))
            if f"Port {self.port} is not idle" in said:
                trouble = f"port {self.port} was taken by another program."
                self.port += 1
                continue
            if not _id_in(said):
                raise ConfigError(f"nnictl refuses {self.file}: {_last_line(said)}")
            failed = "Create experiment failed" in said
            trouble = _last_line(said) if failed else self._trouble()
            if not trouble:
                return
            self.stop()
        raise RunError(f"NNI's manager did not come up in {TRIES} tries: {trouble}")

    def progress(self) -> Iterator[str]:
        """A line whenever a number of trials changes, until the experiment is done.

        Raises
        ------
        RunError
            It ended with an error, was stopped by somebody else, or the manager went away.
        """
        manager, before, silent = Manager(self.page), "", 0
        while True:
            try:
                status, trials = manager.status(), manager.trials()
                # By now another experiment may have the port of one that was stopped elsewhere.
                silent = PATIENCE if silent and manager.profile()["id"] != self.id else 0
            except requests.RequestException:
                silent += 1
            if silent >= PATIENCE:
                raise RunError(f"NNI's manager went away; {self.ways_on}")
            if not silent:
                line = _counts(trials)
                if line != before:
                    yield line
                    before = line
                if status["status"] == "DONE":
                    return
                if status["status"] == "ERROR":
                    raise RunError(self._failure(status.get("errors") or ["NNI gives no reason."]))
                if status["status"] in ("STOPPING", "STOPPED"):
                    raise RunError(f"experiment {self.id} was stopped from elsewhere; {self.ways_on}")
            time.sleep(PAUSE)

    def stop(self) -> None:
        """``nnictl stop``: trials end, the page closes, everything stays on disk.

        It is over when the manager's process has ended; without an experiment nothing happens.
        """
        if self.id:
            self.nnictl("stop", self.id)

    def nnictl(self, *words: str) -> str:
        """Run ``nnictl`` to its end and give what it says; ``id`` follows from that.

        It runs in a session of its own, so that neither Ctrl-C nor a closed terminal reaches the manager:
        what was begun is finished before KeyboardInterrupt goes on from here, and can be stopped in order.
        """
        beside = Path(sys.executable).with_name("nnictl")
        command = str(beside) if beside.is_file() else shutil.which("nnictl", path=self.environment["PATH"])
        if command is None:
            raise ConfigError("nnictl is not there; pip install nni==3.0 brings it.")
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(
                [command, *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait()
            finally:
                process.wait()
                output.seek(0)
                said = output.read()
                self.id = _id_in(said) or self.id
        return said

    def _failure(self, errors: Iterable[str]) -> str:
        """The sentences that the advisor ended the experiment with, and a line on where more can be read."""
        # It is not quite through: it still stops trials and puts the experiment's duration back.
        time.sleep(PAUSE)
        log = self.folder / "log" / "dispatcher.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        trials = self.folder / "environments" / "local-env" / "trials"
        where = f"the trials' logs are {trials}/<trial>/trial.log and trial.stderr, the advisor's is {log}."
        return "\n".join([*dict.fromkeys(_sentence(error, text) for error in errors), where])

    def _trouble(self) -> str:
        """Why the experiment did not come up; empty when it did."""
        manager, begin, limit = Manager(self.page), None, time.monotonic() + START
        while time.monotonic() < limit:
            time.sleep(START_PAUSE)
            try:
                status, profile = manager.status(), manager.profile()
            except requests.ConnectionError:
                return "it ended at once."
            except requests.RequestException:
                continue  # slow, or not quite there
            if profile["id"] != self.id:
                return f"another experiment has port {self.port}."
            self.folder = Path(profile["logDir"])
            late = [error for error in status.get("errors", []) if "did not connect" in error]
            if late:
                return f"{late[0]} It is {self.folder / 'log' / 'dispatcher.log'}."
            # NNI calls an experiment RUNNING before its tuner has connected, but counts its seconds after.
            counted = profile["execDuration"]
            begin = counted if begin is None else begin
            if status["status"] not in ("INITIALIZED", "RUNNING") or counted > begin:
                return ""
        return f"it gave no sign of its tuner in {START:.0f} seconds."


def _counts(trials: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(trial["status"].lower().replace("_", " ") for trial in trials)
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "starting"


def _sentence(error: str, log: str) -> str:
    """An error as the advisor wrote it: ``Manager.fail`` had to wrap it up, in small letters."""
    wrapped = re.search(r'Bad unit in "(.*)\."', error, re.DOTALL)
    if wrapped is None:
        return error
    original = re.search(re.escape(wrapped[1]), log, re.IGNORECASE)
    return f"{original[0] if original else wrapped[1]}."


def _id_in(said: str) -> str:
    found = re.search(r"Experiment ID: (?:\x1b\[\d+m)?([\w-]+)", said)
    return found[1] if found else ""


def _last_line(said: str) -> str:
    lines = [line for line in re.sub(r"\x1b\[\d+m", "", said).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it says nothing."
