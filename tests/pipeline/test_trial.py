from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import nni
import nni.trial
import pytest
import requests

from nni_darts.errors import ConfigError
from nni_darts.pipeline import trial as trial_module
from nni_darts.pipeline.trial import NniReporter, own_task
from tests.pipeline.rest import serving

TASK = {"task": "search/1", "stage": "search", "attempt": 1, "seed": 1, "settings": {}, "architecture": None}
RECORD = {"parameter_id": 4, "parameters": TASK}


class Channel:
    """Keeps what is sent; ``error`` stands for a manager that is gone."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.error: Exception | None = None

    def send_metric(self, *metric: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(metric)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    made = Channel()
    monkeypatch.setattr(trial_module, "get_default_trial_command_channel", lambda: made)
    monkeypatch.setattr(nni.trial, "_params", RECORD)
    monkeypatch.setattr(trial_module, "SPACING", 0.0)
    return made


@pytest.fixture
def in_trial(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("NNI_PLATFORM", "local")
    monkeypatch.setenv("NNI_TRIAL_JOB_ID", "Abc12")
    monkeypatch.setattr(nni.trial, "_params", None)
    monkeypatch.setattr(trial_module, "PAUSE", 0.0)
    return monkeypatch


def test_outside_of_nni_there_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNI_PLATFORM", raising=False)
    assert own_task() is None


@pytest.mark.parametrize("prefix", ["", "/my/prefix"])
def test_a_trial_takes_its_own_record_as_soon_as_it_is_written(
    prefix: str, in_trial: pytest.MonkeyPatch
) -> None:
    answers: Iterator[Any] = iter([None, {"hyperParameters": []}, {"hyperParameters": [json.dumps(RECORD)]}])
    asked = []

    def answer(_method: str, path: str, _body: Any) -> Any:
        asked.append(path)
        return next(answers)

    with serving(answer) as root:
        in_trial.setenv("NNI_TRIAL_COMMAND_CHANNEL", f"{root}{prefix}/env/local")
        assert own_task() == TASK
    assert asked == [f"{prefix}/api/v1/nni/trial-jobs/Abc12"] * 3
    assert nni.get_current_parameter() == TASK and nni.trial._params == RECORD


def test_elsewhere_a_trial_takes_what_nni_gives(in_trial: pytest.MonkeyPatch) -> None:
    in_trial.setenv("NNI_TRIAL_COMMAND_CHANNEL", "http://localhost:1/env/abc")
    in_trial.setattr(nni, "get_next_parameter", lambda: TASK)
    assert own_task() == TASK


@pytest.mark.parametrize("given", [None, {}, {"lr": 0.1}, "search/0"])
def test_parameters_of_a_trial_added_by_hand_are_refused(given: Any, in_trial: pytest.MonkeyPatch) -> None:
    in_trial.setenv("NNI_TRIAL_COMMAND_CHANNEL", "http://localhost:1/env/abc")
    in_trial.setattr(nni, "get_next_parameter", lambda: given)
    with pytest.raises(ConfigError, match="trial parameters"):
        own_task()


def test_epochs_are_finite_floats_default_first(channel: Channel) -> None:
    reporter = NniReporter()
    reporter.epoch({"epoch": 3, "loss": float("nan"), "lr": 0.1, "default": 50})
    ((kind, parameter, _trial, sequence, values),) = channel.sent
    assert (kind, parameter, sequence) == ("PERIODICAL", 4, 3)
    assert next(iter(values.items())) == ("default", 50.0)
    assert values == {"default": 50.0, "epoch": 3.0, "lr": 0.1}
    assert all(type(value) is float for value in values.values())


def test_a_row_of_numpy_numbers_is_sent_as_numbers(channel: Channel) -> None:
    numpy = pytest.importorskip("numpy")
    row: dict[str, Any] = {"loss": numpy.float32(0.5), "note": "text"}
    NniReporter().epoch(row)
    assert json.loads(nni.dump(channel.sent[0][-1])) == {"loss": 0.5}


def test_a_row_without_a_finite_number_is_not_sent(channel: Channel) -> None:
    NniReporter().epoch({"loss": float("inf")})
    assert channel.sent == []


def test_rows_that_come_too_fast_wait_for_the_next_or_the_final(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_module, "SPACING", 60.0)
    reporter = NniReporter()
    for epoch in range(5):
        reporter.epoch({"epoch": epoch, "default": 10 * epoch})
    assert [metric[3] for metric in channel.sent] == [0]
    reporter.final({"default": 1.0})
    assert [(metric[0], metric[3]) for metric in channel.sent] == [
        ("PERIODICAL", 0),
        ("PERIODICAL", 4),
        ("FINAL", 0),
    ]


def test_the_final_result_repeats_the_task_and_is_sent_once(channel: Channel) -> None:
    reporter = NniReporter()
    reporter.final({"loss": float("nan"), "architecture": "{}", "default": 97, "top5": 99.5})
    reporter.final({"default": 1.0})
    ((kind, parameter, _trial, _sequence, values),) = channel.sent
    assert (kind, parameter) == ("FINAL", 4)
    assert list(values) == ["default", "top5", "architecture", "task"]
    assert values == {"default": 97.0, "top5": 99.5, "architecture": "{}", "task": "search/1"}


def test_reports_go_on_while_nnis_engine_has_the_channel(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = NniReporter()
    monkeypatch.setattr(trial_module, "get_default_trial_command_channel", lambda: None)
    monkeypatch.setattr(nni.trial, "_params", {"parameter_id": 0, "parameters": {}})
    reporter.final({"default": 1.0})
    assert channel.sent[0][1] == 4 and channel.sent[0][-1]["task"] == "search/1"


@pytest.mark.parametrize(
    "error", [requests.ConnectionError("gone"), requests.Timeout(), ConnectionResetError()]
)
def test_a_manager_that_is_gone_is_logged_once(
    error: Exception, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    channel.error = error
    reporter = NniReporter()
    with caplog.at_level(logging.WARNING):
        for epoch in range(3):
            reporter.epoch({"epoch": epoch, "default": 1.0})
        reporter.final({"default": 1.0})
    assert len(caplog.records) == 1 and "cannot be reached" in caplog.text
