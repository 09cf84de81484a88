"""The final result of a trial, as far as the pipeline reads it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """``score`` is the trial's ``default``: accuracy on validation data, except for a retraining."""

    score: float
    architecture: dict[str, Any] | None


def read_result(value: Mapping[str, Any], stage: str) -> Result | str:
    """Read a trial's final value; a sentence on what is wrong where it is no result."""
    if value.get("error"):
        return str(value["error"])
    score = value.get("default")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return f"it reported {score!r} as its default metric, which is no finite number."
    architecture = read_architecture(value.get("architecture"))
    if stage == "search" and architecture is None:
        return "it reported no architecture."
    return Result(float(score), architecture)


def read_architecture(given: Any) -> dict[str, Any] | None:
    """The architecture as plain JSON types, from its text or as it is; None for anything else."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    return dict(given) if isinstance(given, Mapping) and given else None


def decoded(text: Any) -> Any:
    """A metric as its trial sent it; NNI stores it as JSON text within JSON text.

    Not by NNI's own loader, which would also unpickle.
    """
    while isinstance(text, str):
        try:
            text = json.loads(text)
        except ValueError:
            break
    return text


def identity(architecture: Mapping[str, Any]) -> str:
    """Text that is equal for architectures that train alike, wherever they come from.

    Cells come before the sample: a sample also holds choices on edges that are not used.
    """
    form = architecture.get("cells") or architecture.get("nni") or architecture
    kept = [architecture.get("space"), architecture.get("macro"), form]
    return json.dumps(kept, sort_keys=True, default=str)
