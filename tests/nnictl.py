"""Real NNI experiments in tests: started on a port of their own, watched, and always stopped by id."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import yaml

from nni_darts.pipeline.launch import Launch

ENDED = ("DONE", "ERROR", "STOPPED")


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
        self.file = folder / "experiment.yml"
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.config = {**config, "experimentWorkingDirectory": str(folder / "nni")}
        self.env = {**os.environ, "HOME": str(home), "NNI_CONFIG_DIR": str(home / "config")}
        self.launch = Launch(self.file, 0, url_prefix=url_prefix, environment=self.env)

    def __enter__(self) -> Experiment:
        """Create it."""
        self.write()
        self.launch.create()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """NNI's folder of this experiment."""
        return self.folder / "nni" / self.launch.id

    def write(self) -> Path:
        """The experiment file, for whoever else is to start it."""
        self.file.write_text(yaml.safe_dump(self.config))
        return self.file

    def stop(self) -> None:
        """``nnictl stop`` of this experiment, done when its manager is gone."""
        self.launch.stop()

    def register(self, meta: Path) -> str:
        """``nnictl algo register``, before the experiment is created; what it said."""
        return self.launch.nnictl("algo", "register", "-m", str(meta))

    def resume(self) -> None:
        """``nnictl resume``, which knows no url prefix."""
        self.launch.url_prefix = ""
        self.launch.start("resume", self.launch.id)

    def request(self, method: str, path: str) -> Any:
        """One REST call; the decoded answer, or None for an empty one."""
        answer = requests.request(method, f"{self.launch.page}/api/v1/nni{path}", timeout=20)
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


def _final(trial: dict[str, Any]) -> Any:
    metrics = trial.get("finalMetricData")
    return json.loads(json.loads(metrics[0]["data"])) if metrics else None
