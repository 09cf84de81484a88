"""The directory of one run: made, continued or moved aside, and the files that every stage leaves in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_darts.errors import ConfigError
from nni_darts.run.architecture import write_architecture
from nni_darts.run.environment import environment
from nni_darts.run.epoch_table import ATTEMPT, EPOCH, log_rows
from nni_darts.run.files import PARTIAL, write_json, write_text
from nni_darts.run.resolved import resolved_yaml

if TYPE_CHECKING:
    from nni_darts.genotype import Architecture

MARKER = "run.json"

ByChoice = Mapping[str, Mapping[Any, float] | Sequence[float]]
"""Label -> choice -> number; a list numbers its choices from 0."""

# What is written before a run begins to compute.
BEFORE_THE_START = (MARKER, "config.resolved.yaml", "env.json", "data.json")
# What NNI puts into the directory of a trial (local and remote service).
NNI_FILES = frozenset({".nni", "trial.log", "trial.stdout", "trial.stderr"})


class Run:
    """One stage of one task on disk. Every file is replaced whole, so a killed run leaves no half of one."""

    def __init__(self, path: Path, task: str) -> None:
        self.path = path
        self.task = task

    @classmethod
    def create(cls, path: str | Path, task: str, *, resume: bool = False, force: bool = False) -> Run:
        """Make the directory, or continue the one that is there.

        Parameters
        ----------
        path
            The directory. A trial's directory holds NNI's own files too; they are never touched.
        task
            Name of what is done here, such as ``search/0``.
        resume
            Continue a run of the same task; a directory without a run is simply begun.
        force
            Move the files of a run that cannot be continued into ``previous-1/`` (2, 3, ...) and begin
            anew. With ``resume`` as well, that happens to another task's files only.

        Raises
        ------
        ConfigError
            The directory holds a run and neither flag allows to use it, or holds files of something else.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise ConfigError(f"run folder {path}: there is a file of this name; give another folder.")
        contents = _contents(path)
        if contents:
            found = _task_of(path)
            if found is None:
                raise ConfigError(
                    f"run folder {path}: holds files that are not a run's ({contents[0].name}, ...); "
                    "give an empty or a new folder."
                )
            if not (resume and found == task):
                if not force:
                    raise ConfigError(_refusal(path, found, task, resume))
                _move_aside(path, contents)
        run = cls(path, task)
        write_json(path / MARKER, {"schema": 1, "task": task})
        return run

    def withdraw(self) -> None:
        """Remove what a run that was refused before it began has written; a begun run stays."""
        if any((self.path / name).exists() for name in ("last.ckpt", "metrics.csv", "genotype.json")):
            return
        for name in BEFORE_THE_START:
            (self.path / name).unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run that lies in ``path``."""
        task = _task_of(Path(path))
        if task is None:
            raise ConfigError(f"{path}: no run lies here (there is no {MARKER}).")
        return cls(Path(path), task)

    @property
    def checkpoint(self) -> Path:
        """Where the run's resumable state lies once there is one."""
        return self.path / "last.ckpt"

    @property
    def snapshots(self) -> Path:
        """Folder of the states that a search may go back to."""
        return self.path / "snapshots"

    @property
    def figures(self) -> Path:
        """Folder of the run's drawings and plots."""
        return self.path / "figures"

    def write_settings(self, settings: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> None:
        """Write ``config.resolved.yaml``; ``origins`` names the source of each dotted path."""
        write_text(self.path / "config.resolved.yaml", resolved_yaml(settings, origins))

    def write_environment(self, device: str, seed: int | None) -> None:
        """Write ``env.json``: versions, device and seed."""
        write_json(self.path / "env.json", environment(device, seed))

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Put the row of ``row["epoch"]`` into ``metrics.csv``, in place of this epoch and later ones.

        Where the row has an ``attempt``, earlier attempts at these epochs stay.
        """
        log_rows(self.path / "metrics.csv", int(row[EPOCH]), [row], row.get(ATTEMPT))

    def log_alphas(self, epoch: int, alphas: ByChoice, attempt: float | None = None) -> None:
        """Put one architecture parameter per label and choice into ``alphas.csv``."""
        self._log_choices("alphas.csv", epoch, alphas, attempt)

    def log_mixture(self, epoch: int, weights: ByChoice, attempt: float | None = None) -> None:
        """Put one mixture weight per label and choice into ``mixture.csv``."""
        self._log_choices("mixture.csv", epoch, weights, attempt)

    def log_edges(
        self, epoch: int, edges: Mapping[str, Mapping[str, Any]], attempt: float | None = None
    ) -> None:
        """Put one row per label into ``edges.csv``; what is None stays empty."""
        rows = [
            {"label": label, **{key: "" if value is None else value for key, value in edge.items()}}
            for label, edge in edges.items()
        ]
        log_rows(self.path / "edges.csv", epoch, rows, attempt)

    def _log_choices(self, name: str, epoch: int, values_of: ByChoice, attempt: float | None) -> None:
        rows = [
            {"label": label, "choice": str(choice), "value": value}
            for label, values in values_of.items()
            for choice, value in (values.items() if isinstance(values, Mapping) else enumerate(values))
        ]
        log_rows(self.path / name, epoch, rows, attempt)

    def write_architecture(self, architecture: Architecture) -> None:
        """Write ``genotype.json``, and ``genotype.txt`` and ``sample.json`` where it has those forms."""
        write_architecture(self.path, architecture)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``, the last file of a finished run."""
        write_json(self.path / "summary.json", dict(summary))


def _contents(path: Path) -> list[Path]:
    """What in the folder could be a run's: neither NNI's files, nor what was moved aside, nor leftovers."""
    if not path.is_dir():
        return []
    for leftover in path.glob(f".*{PARTIAL}"):
        leftover.unlink(missing_ok=True)
    return sorted(p for p in path.iterdir() if p.name not in NNI_FILES and not p.name.startswith("previous-"))


def _task_of(path: Path) -> str | None:
    try:
        return str(json.loads((path / MARKER).read_text(encoding="utf-8"))["task"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refusal(path: Path, found: str, task: str, resume: bool) -> str:
    if resume:
        return (
            f"run folder {path}: holds a run of task {found}, which cannot be continued as {task}; "
            "give another folder, or --force to move the old run aside."
        )
    return (
        f"run folder {path}: holds a run of task {found}; give --resume to continue it, "
        "--force to move it aside, or another folder."
    )


def _move_aside(path: Path, contents: list[Path]) -> None:
    number = 1
    while (path / f"previous-{number}").exists():
        number += 1
    aside = path / f"previous-{number}"
    aside.mkdir()
    # The marker goes last: a process killed on the way finds the folder still marked as a run.
    for entry in sorted(contents, key=lambda p: p.name == MARKER):
        entry.rename(aside / entry.name)
