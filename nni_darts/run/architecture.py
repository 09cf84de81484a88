"""The forms in which an architecture lies on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.run.files import write_json, write_text

if TYPE_CHECKING:
    from nni_darts.genotype import Architecture


def write_architecture(folder: Path, architecture: Architecture) -> None:
    """Write ``genotype.json`` and, where the architecture has them, ``sample.json``, ``genotype.txt``."""
    if architecture.nni is not None:
        write_json(folder / "sample.json", architecture.nni)
    if architecture.text is not None:
        write_text(folder / "genotype.txt", f"{architecture.text}\n")
    architecture.write(folder / "genotype.json")
