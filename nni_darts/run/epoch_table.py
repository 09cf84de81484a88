"""A CSV file with a number of rows per epoch; an epoch that is run again takes the old one's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from nni_darts.run.files import write_text


def log_rows(path: Path, epoch: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of ``epoch``; rows already there of this epoch and of later ones go.

    A run killed between writing an epoch and saving its checkpoint repeats that epoch, so a row
    that is being written is always newer than what the file holds from there on. The file is
    rewritten whole and atomically, and earlier rows keep their text to the last digit.
    """
    import pandas as pd

    new = pd.DataFrame([{"epoch": epoch, **{k: _plain(v) for k, v in row.items()}} for row in rows])
    if path.exists():
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        old = old[old["epoch"].astype(int) < epoch]
        if len(old):
            new = pd.concat([old, new.astype(object)], ignore_index=True)
    write_text(path, new.to_csv(index=False))


def _plain(value: Any) -> Any:
    """Python's own number for one of numpy or torch, whose text differs between versions."""
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
