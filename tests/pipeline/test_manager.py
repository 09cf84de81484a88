from __future__ import annotations

import json
from typing import Any

import pytest

from nni_darts.pipeline import manager as manager_module
from nni_darts.pipeline.manager import Manager, recorded
from tests.pipeline.rest import serving


class Nni:
    """The manager's profile and status; fails on a duration that it cannot read, as the real one does."""

    def __init__(self, deaf: bool = False) -> None:
        self.params: dict[str, Any] = {"maxTrialNumber": 99, "trialConcurrency": 2}
        self.errors: list[str] = []
        self.deaf = deaf
        self.paths: list[str] = []

    def __call__(self, method: str, path: str, body: Any) -> Any:
        self.paths.append(f"{method} {path}")
        if method == "PUT":
            self.params = body["params"]
            duration = self.params.get("maxExperimentDuration")
            if duration is not None and not duration.endswith(("s", "m", "h", "d")) and not self.deaf:
                self.errors.append(f'Bad unit in "{duration.lower()}"')
            return None
        if path.endswith("/trial-jobs"):
            return [{"trialJobId": "a"}, {"trialJobId": "b"}]
        if path.endswith("/check-status"):
            return {"status": "ERROR" if self.errors else "RUNNING", "errors": self.errors}
        return {"id": "x", "params": self.params}


def test_finishing_allows_no_more_trials_than_there_were() -> None:
    nni = Nni()
    with serving(nni) as root:
        Manager(root).finish()
    assert nni.params == {"maxTrialNumber": 2, "trialConcurrency": 2}
    assert nni.paths[-1] == "PUT /api/v1/nni/experiment?update_type=MAX_TRIAL_NUM"


@pytest.mark.parametrize("duration", [{}, {"maxExperimentDuration": "2h"}])
def test_failing_shows_the_sentence_and_leaves_the_profile_as_it_was(duration: dict[str, str]) -> None:
    nni = Nni()
    nni.params |= duration
    before = dict(nni.params)
    with serving(nni) as root:
        assert Manager(root).fail("These are bad settings")
    assert nni.errors == ['Bad unit in "these are bad settings."']
    assert nni.params == before


def test_failing_says_when_the_manager_did_not_react(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_module, "PAUSE", 0.0)
    nni = Nni(deaf=True)
    with serving(nni) as root:
        assert not Manager(root).fail("No GPU.")
    assert "maxExperimentDuration" not in nni.params


@pytest.mark.parametrize("prefix", ["", "/a/b"])
def test_addresses_come_from_nnis_channels(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://localhost:81{prefix}/api/v1/nni"
    monkeypatch.setenv("NNI_TUNER_COMMAND_CHANNEL", f"ws://localhost:81{prefix}/tuner")
    assert Manager.of_tuner().url == url
    monkeypatch.setenv("NNI_TRIAL_COMMAND_CHANNEL", f"http://localhost:81{prefix}/env/local")
    manager = Manager.of_trial()
    assert manager is not None and manager.url == url


def test_a_remote_trial_has_no_manager_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNI_TRIAL_COMMAND_CHANNEL", "http://localhost:82/env/x1y2")
    assert Manager.of_trial() is None
    monkeypatch.delenv("NNI_TRIAL_COMMAND_CHANNEL")
    assert Manager.of_trial() is None


def test_a_record_is_what_was_sent() -> None:
    sent = {"parameter_id": 3, "parameters": {"task": "search/0"}}
    assert recorded({"hyperParameters": [json.dumps(sent)]}) == sent
    assert recorded({"hyperParameters": []}) is None and recorded({}) is None
