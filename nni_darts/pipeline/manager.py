"""What is asked of NNI's manager over its REST interface."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

import requests

TIMEOUT = 20.0
"""Seconds for one answer; the manager is slow on a busy machine."""


LOOKS, PAUSE = 20, 0.25
"""How often and how many seconds apart the manager is asked whether it has noticed a change."""


class Manager:
    """The manager at ``root``, such as ``http://localhost:8080`` or ``http://localhost:8080/prefix``."""

    def __init__(self, root: str) -> None:
        self.url = f"{root}/api/v1/nni"

    @classmethod
    def of_tuner(cls) -> Manager:
        """The manager that started this tuner."""
        return cls(re.sub(r"^ws(.*)/tuner$", r"http\1", os.environ["NNI_TUNER_COMMAND_CHANNEL"]))

    @classmethod
    def of_trial(cls) -> Manager | None:
        """The manager of this trial; None where the trial's channel leads elsewhere (remote machines)."""
        channel = os.environ.get("NNI_TRIAL_COMMAND_CHANNEL", "")
        hit = re.match(r"(http://localhost:\d+.*?)/env/local", channel)
        return cls(hit[1]) if hit else None

    def profile(self) -> dict[str, Any]:
        """The experiment: id, status, and its configuration under ``params``."""
        return dict(self._ask("GET", "/experiment").json())

    def status(self) -> dict[str, Any]:
        """``status`` and the ``errors`` that the web page shows."""
        return dict(self._ask("GET", "/check-status").json())

    def trials(self) -> list[dict[str, Any]]:
        """Every trial there was, customised ones as well."""
        return list(self._ask("GET", "/trial-jobs").json())

    def finals(self) -> list[dict[str, Any]]:
        """Every final result that was reported: ``trialJobId``, and ``data`` as encoded JSON."""
        return list(self._ask("GET", "/metric-data?type=FINAL").json())

    def record(self, trial: str) -> dict[str, Any] | None:
        """``{"parameter_id", "parameters"}`` of one trial; None while the manager has not written it yet."""
        answer = self._ask("GET", f"/trial-jobs/{trial}")
        return recorded(answer.json()) if answer.content else None

    def finish(self) -> None:
        """Let the experiment end as DONE: no more trials than there were. Its page stays up."""
        self._change("MAX_TRIAL_NUM", maxTrialNumber=max(1, len(self.trials())))

    def fail(self, sentence: str) -> bool:
        """End the experiment as ERROR and let its page show ``sentence``; False where that did not work.

        An error that a tuner reports is shown as "Dispatcher stream error, tuner may have crashed.", whatever
        it says. The one text from outside that the manager repeats is a duration it cannot read (in small
        letters), so the sentence takes the place of the experiment's duration until the manager saw it.
        """
        duration = self.profile()["params"].get("maxExperimentDuration")
        try:
            # The full stop matters: a last letter such as s would pass for a unit.
            self._change("MAX_EXEC_DURATION", maxExperimentDuration=sentence.rstrip(".") + ".")
            for _ in range(LOOKS):
                if self.status()["status"] == "ERROR":
                    return True
                time.sleep(PAUSE)
            return False
        finally:
            self._change("MAX_EXEC_DURATION", maxExperimentDuration=duration)

    def _change(self, update_type: str, **params: Any) -> None:
        profile = self.profile()
        profile["params"].update(params)
        profile["params"] = {key: value for key, value in profile["params"].items() if value is not None}
        self._ask("PUT", f"/experiment?update_type={update_type}", json=profile)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = requests.request(method, self.url + path, timeout=TIMEOUT, **more)
        answer.raise_for_status()
        return answer


def recorded(trial: dict[str, Any]) -> dict[str, Any] | None:
    """The parameters in a trial's record, as they were sent; None where it has none."""
    rows = trial.get("hyperParameters")
    # Not with NNI's own loader, which unpickles: whoever reaches the port can add a trial.
    record = json.loads(rows[0]) if rows else None
    return record if isinstance(record, dict) else None
