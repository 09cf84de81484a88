"""The fields of an NNI 3.0 experiment file, known without importing NNI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOP = (
    "experimentName",
    "experimentType",
    "searchSpaceFile",
    "searchSpace",
    "trialCommand",
    "trialCodeDirectory",
    "trialConcurrency",
    "trialGpuNumber",
    "maxExperimentDuration",
    "maxTrialNumber",
    "maxTrialDuration",
    "nniManagerIp",
    "useAnnotation",
    "debug",
    "logLevel",
    "experimentWorkingDirectory",
    "tunerGpuIndices",
    "tuner",
    "assessor",
    "advisor",
    "trainingService",
    "sharedStorage",
)
TUNER = ("name", "className", "codeDirectory", "classArgs")
TRAINING_SERVICE = (
    "platform",
    "trialGpuNumber",
    "maxTrialNumberPerGpu",
    "gpuIndices",
    "useActiveGpu",
    "reuseMode",
)
"""Those of the training service that this package looks at; each platform has more."""

_GROUPS = {"tuner": TUNER, "trainingService": TRAINING_SERVICE}


def plain(key: Any) -> str:
    """A key as NNI compares it: without case and underscores."""
    return str(key).lower().replace("_", "")


def written(key: Any, known: tuple[str, ...]) -> str:
    """A key as NNI's documents write it; an unknown key unchanged."""
    return next((name for name in known if plain(name) == plain(key)), str(key))


def in_nni_spelling(data: Mapping[str, Any]) -> dict[str, Any]:
    """A file's values under the documented spelling of their keys."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = written(key, TOP)
        if name in _GROUPS and isinstance(value, Mapping):
            value = {written(inner, _GROUPS[name]): item for inner, item in value.items()}
        found[name] = value
    return found


def is_experiment(data: Mapping[str, Any]) -> bool:
    """Whether a file is an NNI experiment, not bare settings: none of ours has the name of a field of NNI."""
    return any(written(key, TOP) in TOP for key in data)
