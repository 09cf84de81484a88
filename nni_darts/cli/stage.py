"""What the verbs that train have in common: their folder, their resolved settings, their result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml

from nni_darts.cli.inputs import Inputs
from nni_darts.cli.verb import Outcome
from nni_darts.config.machine import importable_from, machine_problems
from nni_darts.config.points import leaves
from nni_darts.config.problem import shown
from nni_darts.errors import ConfigError
from nni_darts.run import NullReporter, Run
from nni_darts.run.resolved import resolved_yaml

FREE_TO_CHANGE = ("trainer.", "max_attempts", "retrain.seeds")
"""Settings that may differ when a run is continued: they do not change what it computes."""

Job = Callable[[Run], dict[str, Any]]


def folder_flags(function: Any) -> Any:
    """``--out``, ``--resume``, ``--force`` and ``--dry-run``."""
    options = (
        click.option("--out", metavar="DIR", help="Folder of the run.  [default: below runs/]"),
        click.option(
            "--resume",
            metavar="[DIR|auto]",
            is_flag=False,
            flag_value="auto",
            help="Continue the run in DIR or --out where there is one, else begin.",
        ),
        click.option("--force", is_flag=True, help="Move a run that lies in the folder aside."),
        click.option("--dry-run", is_flag=True, help="Print the resolved settings and stop."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def folder_of(out: str | None, resume: str | None, default: str) -> Path:
    """The run's folder from the flags."""
    if resume not in (None, "auto"):
        if out is not None and Path(out) != Path(str(resume)):
            raise ConfigError(f"--resume: names the folder {resume}, --out another, {out}; give one.")
        return Path(str(resume))
    return Path(out or default)


def resolved_outcome(inputs: Inputs) -> Outcome:
    """What would run, every value with its origin."""
    text = resolved_yaml(inputs.settings.to_dict(), inputs.origins)
    data = {"seed": inputs.seed, "settings": inputs.settings.to_dict(), "origins": inputs.origins}
    return Outcome(data, [*text.splitlines(), f"# seed: {inputs.seed}"])


def check_machine(inputs: Inputs) -> None:
    """Refuse what cannot work here before anything is written."""
    problems = machine_problems(inputs.settings, inputs.folder)
    if problems:
        raise ConfigError(*map(str, problems))


def run_in(path: Path, task: str, inputs: Inputs, job: Job, *, resume: bool, force: bool) -> dict[str, Any]:
    """Do one stage in a folder of its own, its settings written first."""
    if resume and not force:
        _same_settings(path, inputs)
    run = Run.create(path, task, resume=resume, force=force)
    run.write_settings(inputs.settings.to_dict(), inputs.origins)
    with importable_from(inputs.folder):
        return job(run)


def reporter() -> NullReporter:
    """Without a manager there is nobody to report to; the run's files hold everything."""
    return NullReporter()


def _same_settings(path: Path, inputs: Inputs) -> None:
    """A run continues with the settings it was begun with."""
    try:
        before = dict(leaves(yaml.safe_load((path / "config.resolved.yaml").read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return
    now = dict(leaves(inputs.settings.to_dict()))
    changed = [
        f"{key}: the run in {path} was begun with {shown(before.get(key))}, now it is {shown(now.get(key))}; "
        "give the same value, or another folder."
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not key.startswith(FREE_TO_CHANGE)
    ]
    if changed:
        raise ConfigError(*changed)


def checkpoint_in(given: str) -> Path:
    """The checkpoint that a file or a run's folder names."""
    path = Path(given).expanduser()
    if path.is_dir():
        path = path / "last.ckpt"
    if not path.is_file():
        raise ConfigError(f"--checkpoint: there is no file {path}; give a checkpoint or the folder of a run.")
    return path
