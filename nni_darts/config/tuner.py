"""The tuner of an experiment file, which NNI itself checks only when it is too late to say so."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nni_darts.config.machine import importable_from
from nni_darts.config.problem import Problem, shown

ADVISOR = "nni_darts.pipeline.advisor.Advisor"


def tuner_problems(tuner: Any, folder: Path) -> Iterator[Problem]:
    """Problems of the field ``tuner``; ``folder`` is what its code directory is relative to."""
    if not isinstance(tuner, Mapping):
        what = "is missing" if tuner is None else f"expected a group of keys, got {shown(tuner)}"
        yield Problem(("tuner",), f"{what}; give className: {ADVISOR} and the settings as classArgs.")
        return
    name, class_name = tuner.get("name"), tuner.get("className")
    if (name is None) == (class_name is None):
        yield Problem(
            ("tuner",), f"give className: {ADVISOR}, or the name it is registered under, and not both."
        )
    elif name is not None:
        yield from _by_name(str(name))
    else:
        yield from _by_class(str(class_name), tuner, folder)


def _by_name(name: str) -> Iterator[Problem]:
    from nni.tools.package_utils import get_all_algo_meta

    tuners = {meta.name: meta.class_name for meta in get_all_algo_meta() if meta.algo_type != "assessor"}
    known = {key.lower(): class_name for key, class_name in tuners.items()}
    if name.lower() not in known:
        yield Problem(("tuner", "name"), f'unknown tuner "{name}"; give className: {ADVISOR} instead.')
    elif known[name.lower()] != ADVISOR:
        yield Problem(
            ("tuner", "name"), f"{name} knows nothing of stages; give className: {ADVISOR} instead."
        )


def _by_class(class_name: str, tuner: Mapping[str, Any], folder: Path) -> Iterator[Problem]:
    if tuner.get("codeDirectory") is None:
        yield Problem(
            ("tuner", "codeDirectory"), "is missing: NNI wants it beside className; give codeDirectory: ."
        )
        return
    if class_name == ADVISOR:
        return
    module, _, attribute = class_name.rpartition(".")
    try:
        with importable_from(folder / str(tuner["codeDirectory"])):
            found = getattr(importlib.import_module(module), attribute)
    except Exception:  # a user's module may raise anything while it is imported
        yield Problem(("tuner", "className"), f'"{class_name}" cannot be imported. Did you mean {ADVISOR}?')
        return
    from nni_darts.pipeline.advisor import Advisor

    if not (isinstance(found, type) and issubclass(found, Advisor)):
        yield Problem(
            ("tuner", "className"), f"{class_name} knows nothing of stages; derive it from {ADVISOR}."
        )
