"""Results of stages as lines for people and as data for programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nni_darts.genotype import Architecture

Result = Mapping[str, Any]


def numbers_of(result: Result) -> dict[str, float]:
    """The numbers of a result; ``default``, which repeats one of them for NNI, last."""
    numbers = {
        key: value
        for key, value in result.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {key: numbers[key] for key in sorted(numbers, key=lambda key: key == "default")}


def architecture_of(result: Result) -> Architecture | None:
    """The architecture that a result carries as JSON."""
    text = result.get("architecture")
    return None if text is None else Architecture.from_json(text)


def as_data(result: Result, folder: Path) -> dict[str, Any]:
    """A result for ``--json``: the run's folder, the numbers, the architecture as an object."""
    architecture = architecture_of(result)
    found: dict[str, Any] = {"status": "done", "run": str(folder), **numbers_of(result)}
    if architecture is not None:
        found["architecture"] = json.loads(architecture.to_json())
        found["genotype"] = architecture.text
    return found


def as_lines(result: Result, folder: Path) -> list[str]:
    """A result for people."""
    lines = [
        f"{key.replace('_', ' ')}: {value:.6g}"
        for key, value in numbers_of(result).items()
        if key != "default"
    ]
    architecture = architecture_of(result)
    if architecture is not None and architecture.text is not None:
        lines.append(architecture.text)
    return [*lines, f"run: {folder}"]


def spread(results: Sequence[Result]) -> dict[str, dict[str, float | None]]:
    """Mean and sample standard deviation (null for a single result) of every number that all results have."""
    found: dict[str, dict[str, float | None]] = {}
    for key in numbers_of(results[0]):
        if key != "default" and all(key in result for result in results):
            values = [float(result[key]) for result in results]
            found[key] = {
                "mean": statistics.fmean(values),
                "std": statistics.stdev(values) if len(values) > 1 else None,
            }
    return found
