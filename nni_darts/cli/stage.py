"""What the verbs that train have in common: their folder, their resolved settings, their result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nni_darts.cli.earlier import same_settings
from nni_darts.cli.inputs import Inputs
from nni_darts.cli.verb import Outcome
from nni_darts.config.machine import importable_from, machine_problems
from nni_darts.errors import ConfigError
from nni_darts.run import Run
from nni_darts.run.resolved import resolved_yaml

if TYPE_CHECKING:
    from nni_darts.explain import Explanation


def folder_flags(function: Any) -> Any:
    """``--out``, ``--resume``, ``--force`` and ``--dry-run``."""
    options = (
        click.option("--out", metavar="DIR", help="Folder of the run.  [default: below runs/]"),
        click.option(
            "--resume",
            metavar="[DIR|auto]",
            is_flag=False,
            flag_value="auto",
            help="Continue the run in DIR or --out with its settings; begin where there is none.",
        ),
        click.option("--force", is_flag=True, help="Move a run that lies in the folder aside."),
        click.option(
            "--dry-run",
            is_flag=True,
            help="Print the resolved settings and what would be computed, and stop.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def folder_to_resume(out: str | None, resume: str | None) -> Path | None:
    """The folder that the flags name for continuing, None when they name none."""
    return None if resume is None or (resume == "auto" and out is None) else folder_of(out, resume, "")


def folder_of(out: str | None, resume: str | None, default: str) -> Path:
    """The run's folder from the flags."""
    if resume not in (None, "auto"):
        if out is not None and Path(out) != Path(str(resume)):
            raise ConfigError(f"--resume: names the folder {resume}, --out another, {out}; give one.")
        return Path(str(resume))
    return Path(out or default)


def resolved_outcome(inputs: Inputs, explain: Callable[[], Explanation]) -> Outcome:
    """What would run, every value with its origin, and what would be computed as far as is known here."""
    text = resolved_yaml(inputs.settings.to_dict(), inputs.origins)
    data = {"seed": inputs.seed, "settings": inputs.settings.to_dict(), "origins": inputs.origins}
    lines = [*text.splitlines(), f"# seed: {inputs.seed}"]
    try:
        with importable_from(inputs.folder):
            found = explain()
    except ConfigError as error:
        # Another machine may have the data, or the space; what was asked for is still shown.
        data["computed"] = {"problems": str(error).splitlines()}
        lines += [f"# what would be computed is not known here: {line}" for line in str(error).splitlines()]
    else:
        data["computed"] = found.facts
        lines += [f"# {line}" for line in found.lines]
    return Outcome(data, lines)


def check_machine(inputs: Inputs) -> None:
    """Refuse what cannot work here before anything is written."""
    problems = machine_problems(inputs.settings, inputs.folder)
    if problems:
        raise ConfigError(*map(str, problems))


def open_run(path: Path, task: str, inputs: Inputs, *, resume: bool, force: bool) -> Run:
    """The run of one task in a folder of its own, with its settings written."""
    continues = resume and not force and same_settings(path, inputs)
    run = Run.create(path, task, resume=resume, force=force)
    if not continues:
        run.write_settings(inputs.settings.to_dict(), inputs.origins)
    return run


def checkpoint_in(given: str) -> Path:
    """The checkpoint that a file or a run's folder names."""
    path = Path(given).expanduser()
    if path.is_dir():
        path = path / "last.ckpt"
    if not path.is_file():
        raise ConfigError(f"--checkpoint: there is no file {path}; give a checkpoint or the folder of a run.")
    return path
