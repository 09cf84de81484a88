"""A CSV file with a number of rows per epoch; an epoch that is run again takes the old one's place.

A search that goes back to an earlier epoch on purpose numbers its attempts in a column ``attempt``: rows of
earlier attempts stay, since those epochs were run and are no mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_darts.run.files import write_text

if TYPE_CHECKING:
    import pandas as pd

EPOCH, ATTEMPT = "epoch", "attempt"


def log_rows(path: Path, epoch: int, rows: Sequence[Mapping[str, Any]], attempt: float | None = None) -> None:
    """Write the rows of ``epoch``; rows already there of it and of what was run after it go.

    A run killed between writing an epoch and saving its checkpoint repeats that epoch, so a row
    that is being written is always newer than what the file holds from there on. The file is
    rewritten whole and atomically, and earlier rows keep their text to the last digit.
    """
    import pandas as pd

    when = {EPOCH: epoch} if attempt is None else {EPOCH: epoch, ATTEMPT: attempt}
    new = pd.DataFrame([{**when, **{k: _plain(v) for k, v in row.items()}} for row in rows])
    if path.exists():
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        attempts, now = _attempts(old), attempt or 0
        old = old[(attempts < now) | ((attempts == now) & (old[EPOCH].astype(int) < epoch))]
        if len(old):
            new = pd.concat([old, new.astype(object)], ignore_index=True)
    write_text(path, new.to_csv(index=False))


def that_count(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the epochs that led to the result: without those that a later attempt ran again."""
    attempts = _attempts(table)
    first = table[EPOCH].groupby(attempts).min()
    kept = [
        all(epoch < begun for begun in first[first.index > attempt])
        for epoch, attempt in zip(table[EPOCH], attempts, strict=True)
    ]
    return table[kept]


def _attempts(table: pd.DataFrame) -> pd.Series[float]:
    if ATTEMPT not in table:
        return table[EPOCH].astype(float) * 0
    return table[ATTEMPT].replace("", 0).fillna(0).astype(float)


def _plain(value: Any) -> Any:
    """Python's own number for one of numpy or torch, whose text differs between versions."""
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
