"""What an earlier run says: its settings, to continue it or to retrain what it found."""

from __future__ import annotations

from pathlib import Path

import yaml

from nni_darts.cli.inputs import Given, Inputs
from nni_darts.config import read_experiment
from nni_darts.config.points import leaves
from nni_darts.config.problem import shown
from nni_darts.errors import ConfigError
from nni_darts.run import Run

RECORD = "config.resolved.yaml"

FREE_TO_CHANGE = ("trainer.", "max_attempts", "retrain.seeds")
"""Settings that may differ when a run is continued: they do not change what it computes."""


def settings_of(folder: Path | None, without: tuple[str, ...] = ("stages",)) -> Given:
    """The settings of the run in a folder, to lie beneath everything else; nothing where there is no run."""
    if folder is None or not (folder / RECORD).is_file():
        return {}
    path = folder / RECORD
    values = leaves(read_experiment(path).settings.to_dict())
    return {key: (value, str(path)) for key, value in values if key not in without}


def seed_of_run(folder: Path | None) -> int | None:
    """The seed of the search in a folder; None where there is none."""
    if folder is None or not (folder / RECORD).is_file():
        return None
    number = Run.open(folder).task.rpartition("/")[2]
    return int(number) if number.isdigit() else None


def same_settings(folder: Path, inputs: Inputs) -> bool:
    """Whether a run lies in the folder and would continue; False where there is none.

    Raises
    ------
    ConfigError
        It was begun with other settings: one sentence for each.
    """
    try:
        before = dict(leaves(yaml.safe_load((folder / RECORD).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return False
    now = dict(leaves(inputs.settings.to_dict()))
    changed = [
        f"{key}: the run in {folder} was begun with {shown(before.get(key))}, not {shown(now.get(key))}; "
        "give the same value, or another folder."
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not key.startswith(FREE_TO_CHANGE)
    ]
    if changed:
        raise ConfigError(*changed)
    return True
