"""The trial's end of the line: which task it has, and where its numbers go."""

from __future__ import annotations

import logging
import math
import numbers
import os
import time
from collections.abc import Mapping
from typing import Any

import nni
import nni.trial
import requests
from nni.runtime.trial_command_channel import get_default_trial_command_channel

from nni_darts.errors import ConfigError
from nni_darts.pipeline.manager import Manager

log = logging.getLogger(__name__)

LOOKS, PAUSE = 60, 0.3
"""How often and how many seconds apart a trial looks for its record, written just after its start."""

SPACING = 1.0
"""Least seconds between two reports: each is a request and a database write in the manager."""


def own_task() -> dict[str, Any] | None:
    """The parameters of this trial, from its own record; None outside of NNI.

    NNI hands parameters to whichever trial asks first, so that two trials that start together may get
    each other's. The record is right. Where the manager cannot be reached (remote machines) NNI's way
    remains, and the task's name in the final result keeps the pipeline right.

    Raises
    ------
    ConfigError
        The parameters are not a task of ours: the trial was added by hand.
    """
    if "NNI_PLATFORM" not in os.environ:
        return None
    record = _own_record()
    if record is None:
        parameters = nni.get_next_parameter()
    else:
        nni.trial._params = record  # what NNI's own report functions look at
        parameters = record["parameters"]
    if not isinstance(parameters, dict) or not {"task", "stage", "seed", "settings"} <= set(parameters):
        raise ConfigError(f"trial parameters: expected a task sent by nni-darts, got {str(parameters)[:80]}.")
    return parameters


def _own_record() -> dict[str, Any] | None:
    manager = Manager.of_trial()
    for _ in range(LOOKS if manager else 0):
        try:
            record = manager.record(os.environ["NNI_TRIAL_JOB_ID"])  # type: ignore[union-attr]
        except requests.RequestException:
            record = None
        if record is not None:
            return record
        time.sleep(PAUSE)
    return None


class NniReporter:
    """Reports to NNI's manager, and goes on when that is gone.

    Make it after :func:`own_task` and before an NNI strategy runs: while NNI's one-shot engine works, its
    own report functions lead elsewhere, so this keeps the channel and the parameter id of the trial.
    """

    def __init__(self) -> None:
        self._channel = get_default_trial_command_channel()
        self._record: Mapping[str, Any] = nni.trial._params or {}
        self._pending: tuple[int, dict[str, float]] | None = None
        self._count = 0
        self._last = -math.inf
        self._lost = False
        self._reported = False

    def epoch(self, row: Mapping[str, float]) -> None:
        """Report finite numbers, ``default`` first; of rows that come too fast the newest waits."""
        values = _finite(row)
        if not values:
            return
        self._pending = (int(values.get("epoch", self._count)), values)
        self._count += 1
        if time.monotonic() - self._last >= SPACING:
            self._flush()

    def final(self, result: Mapping[str, Any]) -> None:
        """Report the result, once: its finite numbers and its texts, ``default`` first."""
        if self._reported:
            log.warning("A second final result is not reported.")
            return
        self._reported = True
        self._flush()
        texts = {key: value for key, value in result.items() if isinstance(value, str)}
        texts.setdefault("task", str((self._record.get("parameters") or {}).get("task")))
        self._send("FINAL", 0, {**_finite(result), **texts})

    def _flush(self) -> None:
        if self._pending is not None:
            self._send("PERIODICAL", *self._pending)
            self._pending, self._last = None, time.monotonic()

    def _send(self, kind: str, sequence: int, values: Mapping[str, Any]) -> None:
        ordered = {key: values[key] for key in sorted(values, key=lambda key: key != "default")}
        try:
            parameter_id = self._record.get("parameter_id")
            self._channel.send_metric(kind, parameter_id, nni.get_trial_id(), sequence, ordered)
        except (requests.RequestException, OSError) as error:
            if not self._lost:
                log.warning("NNI's manager cannot be reached (%s); going on without.", type(error).__name__)
            self._lost = True


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers as plain floats: NNI stores other types as objects, and NaN breaks its page."""
    floats = {key: float(value) for key, value in values.items() if isinstance(value, numbers.Real)}
    return {key: value for key, value in floats.items() if math.isfinite(value)}
