"""A folder that appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nni_darts.errors import ConfigError
from nni_darts.run.files import PARTIAL


@contextmanager
def new_folder(out: Path, force: bool) -> Iterator[Path]:
    """A folder to fill, which takes the name ``out`` when the block ends without an error.

    Raises
    ------
    ConfigError
        ``out`` is in the way: only an empty folder, or with ``force`` an earlier export, is replaced.
    """
    _check_free(out, force)
    building, old = (out.with_name(f".{out.name}.{part}{os.getpid()}{PARTIAL}") for part in ("new", "old"))
    building.mkdir(parents=True)
    try:
        yield building
        if out.exists():
            out.rename(old)
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_free(out: Path, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_export(out):
        raise ConfigError(f"export folder {out}: holds other things than an export; give a new folder.")
    if not force:
        raise ConfigError(f"export folder {out}: holds an export; give another, or --force to replace it.")


def _is_export(folder: Path) -> bool:
    try:
        return "experiment" in json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
