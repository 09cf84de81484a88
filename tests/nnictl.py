"""Real NNI experiments in tests: started on a port of their own, watched, and always stopped by id."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import yaml

NNICTL = str(Path(sys.executable).with_name("nnictl"))
ENDED = ("DONE", "ERROR", "STOPPED")
TRIES = 3


class Experiment:
    """One experiment with its own home, so that NNI's list of experiments is nobody else's.

    Parameters
    ----------
    folder
        An empty folder; holds the home, the experiment file and NNI's work directory.
    config
        An experiment file's content, changeable until the experiment is created.
    url_prefix
        Path before all of the manager's addresses.

    Algorithms are registered in this home as well (``register``), not in the Python environment.
    """

    def __init__(self, folder: Path, config: dict[str, Any], url_prefix: str = "") -> None:
        self.folder = folder
        self.prefix = url_prefix
        self.id = ""
        self.port = 0
        self.env = {
            **os.environ,
            "HOME": str(folder / "home"),
            "NNI_CONFIG_DIR": str(folder / "home" / "config"),
        }
        (folder / "home").mkdir(parents=True, exist_ok=True)
        self.config = {**config, "experimentWorkingDirectory": str(folder / "nni")}

    def __enter__(self) -> Experiment:
        """Create it, again if the manager or the tuner came up too slowly on a busy machine."""
        file = self.folder / "experiment.yml"
        file.write_text(yaml.safe_dump(self.config))
        for _ in range(TRIES):
            prefix = ["--url_prefix", self.prefix] if self.prefix else []
            said = self._nnictl("create", "--config", str(file), "--port", str(self._new_port()), *prefix)
            self.id = self._id_in(said)
            if not self.id:
                break  # the experiment file was refused
            if self._came_up(said):
                return self
            self.stop()
        raise RuntimeError(f"no experiment:\n{said}")

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """NNI's folder of this experiment."""
        return self.folder / "nni" / self.id

    def stop(self) -> None:
        """``nnictl stop`` of this experiment, done when its manager is gone."""
        if self.id:
            self._nnictl("stop", self.id)
            self.wait_for(lambda: not self._listens(), 30, "the manager to go away")

    def register(self, meta: Path) -> str:
        """``nnictl algo register``, before the experiment is created; what it said."""
        return self._nnictl("algo", "register", "-m", str(meta))

    def resume(self) -> None:
        """``nnictl resume``, with as many tries as ``create``."""
        for _ in range(TRIES):
            said = self._nnictl("resume", self.id, "--port", str(self._new_port()))
            self.prefix = ""  # nnictl resume knows none
            if self._came_up(said):
                return
            self.stop()
        raise RuntimeError(f"did not resume after {TRIES} tries:\n{said}")

    def request(self, method: str, path: str) -> Any:
        """One REST call; the decoded answer, or None for an empty one."""
        root = f"http://localhost:{self.port}" + (f"/{self.prefix}" if self.prefix else "")
        answer = requests.request(method, f"{root}/api/v1/nni{path}", timeout=20)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def status(self) -> dict[str, Any]:
        """``status`` and ``errors``, as the web page shows them."""
        return dict(self.request("GET", "/check-status"))

    def trials(self) -> list[dict[str, Any]]:
        """Every trial: id, status, ``parameters`` as sent, ``result`` as reported (None without one)."""
        return [
            {
                "id": trial["trialJobId"],
                "status": trial["status"],
                "parameters": json.loads(trial["hyperParameters"][0])["parameters"],
                "result": _final(trial),
            }
            for trial in self.request("GET", "/trial-jobs")
            if trial.get("hyperParameters")
        ]

    def wait(self, seconds: float) -> dict[str, Any]:
        """Wait until it is DONE or failed; its status then."""
        self.wait_for(lambda: self.status()["status"] in ENDED, seconds, "the end of the experiment")
        return self.status()

    def wait_for(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Poll until the condition holds; its value."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            found = condition()
            if found:
                return found
            time.sleep(0.3)
        raise TimeoutError(f"waited {seconds} s for {what}\n{self.log('dispatcher')[-3000:]}")

    def log(self, name: str) -> str:
        """Text of NNI's log ``dispatcher`` (the tuner) or ``nnimanager``."""
        path = self.directory / "log" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def _nnictl(self, *words: str) -> str:
        ran = subprocess.run(
            [NNICTL, *words], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        return ran.stdout + ran.stderr

    def _new_port(self) -> int:
        with socket.socket() as free:
            free.bind(("", 0))
            self.port = free.getsockname()[1]
        return self.port

    def _id_in(self, said: str) -> str:
        hit = re.search(r"Experiment ID: (?:\x1b\[\d+m)?(\w+)", said)
        return hit[1] if hit else ""

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("localhost", self.port)) == 0

    def _came_up(self, said: str) -> bool:
        """Whether the manager answers and the tuner has connected within the ten seconds that it has."""
        if "failed" in said or not self._listens():
            return False
        limit = time.monotonic() + 15
        while time.monotonic() < limit and "Dispatcher started" not in self.log("dispatcher"):
            if any("did not connect" in error for error in self.status().get("errors", [])):
                return False
            time.sleep(0.3)
        return True


def _final(trial: dict[str, Any]) -> Any:
    metrics = trial.get("finalMetricData")
    return json.loads(json.loads(metrics[0]["data"])) if metrics else None
