"""Start an experiment with ``nnictl``, watch it to its end, stop its manager."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests

from nni_darts.errors import ConfigError, RunError
from nni_darts.pipeline.manager import Manager

TRIES = 3
"""On a busy machine the manager, or the tuner, can miss NNI's own deadlines of 3 and 10 seconds."""

PAUSE = 2.0
"""Seconds between two looks at a running experiment."""

PATIENCE = 30
"""Looks in a row without an answer after which the manager counts as gone."""

PORTS = 20
"""How many ports above the wished one are tried."""

ENDED = ("DONE", "ERROR", "STOPPED")


class Launch:
    """One experiment under ``nnictl``.

    Attributes
    ----------
    id, port
        Of the experiment, once it is created.
    """

    def __init__(self, file: Path, port: int) -> None:
        self.file = file
        self.port = port
        self.id = ""

    @property
    def page(self) -> str:
        """Address of the web page."""
        return f"http://localhost:{self.port}"

    def create(self) -> None:
        """``nnictl create``, again where it came up too slowly.

        Raises
        ------
        ConfigError
            ``nnictl`` refuses the file.
        RunError
            The manager does not come up.
        """
        said = ""
        for _ in range(TRIES):
            self.port = free_port(self.port)
            said = _nnictl("create", "--config", str(self.file), "--port", str(self.port))
            found = re.search(r"Experiment ID: (?:\x1b\[\d+m)?(\w+)", said)
            if not found:
                raise ConfigError(f"nnictl refuses {self.file}: {_last_line(said)}")
            self.id = found[1]
            if self._came_up():
                return
            self.stop()
        raise RunError(f"NNI's manager did not come up in {TRIES} tries: {_last_line(said)}")

    def progress(self) -> Iterator[str]:
        """A line whenever a number of trials changes, until the experiment ends.

        Raises
        ------
        RunError
            It ended with an error, or the manager went away.
        """
        manager, before, silent = Manager(self.page), "", 0
        while True:
            try:
                status, trials = manager.status(), manager.trials()
                silent = 0
            except requests.RequestException:
                silent += 1
                if silent >= PATIENCE:
                    raise RunError(f"NNI's manager went away; nnictl resume {self.id} continues.") from None
                time.sleep(PAUSE)
                continue
            counts = Counter(trial["status"].lower() for trial in trials)
            line = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "starting"
            if line != before:
                yield line
                before = line
            if status["status"] in ENDED:
                if status["status"] == "ERROR":
                    raise RunError("; ".join(status.get("errors") or ["the experiment ended in ERROR."]))
                return
            time.sleep(PAUSE)

    def stop(self) -> None:
        """``nnictl stop``: trials end, the page closes, everything stays on disk."""
        if self.id:
            _nnictl("stop", self.id)

    def _came_up(self) -> bool:
        manager, limit = Manager(self.page), time.monotonic() + 15
        while time.monotonic() < limit:
            try:
                status = manager.status()
            except requests.RequestException:
                return False
            if any("did not connect" in error for error in status.get("errors", [])):
                return False
            if status["status"] not in ("INITIALIZED",) or manager.trials():
                return True
            time.sleep(0.5)
        return True


def free_port(wished: int) -> int:
    """The wished port, or the next free one above it."""
    for port in range(wished, wished + PORTS):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
                return port
            except OSError:
                continue
    raise ConfigError(f"--port: {wished} to {wished + PORTS - 1} are all in use; give another port.")


def _nnictl(*words: str) -> str:
    beside = Path(sys.executable).with_name("nnictl")
    command = str(beside) if beside.is_file() else shutil.which("nnictl")
    if command is None:
        raise ConfigError("nnictl is not there; pip install nni==3.0 brings it.")
    # Trials run "python3 -m nni_darts trial": it must be the python that runs this.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [command, *words], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def _last_line(said: str) -> str:
    lines = [line for line in re.sub(r"\x1b\[\d+m", "", said).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it says nothing."
