"""The true accuracies of the 15,625 cells of NAS-Bench-201 (Dong, Yang, ICLR 2020), from a CSV file.

The file has a row for every cell: ``cell`` (six digits) and columns of accuracies in percent, such as
``c10_test_200``, test accuracy on CIFAR-10 after 200 epochs, mean over the benchmark's seeds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.errors import ConfigError
from nni_darts.genotype.nasbench201 import EDGES, OPERATIONS, BenchmarkCell

if TYPE_CHECKING:
    import pandas as pd

VARIABLE = "NNI_DARTS_NASBENCH201"
"""Environment variable that holds the path of the file."""

COLUMNS = {
    "cifar10": "c10_test_200",
    "cifar100": "c100_test_200",
    "imagenet16-120": "in16_test_200",
}
"""Data set -> column of the test accuracy after the benchmark's full training."""

CELLS = len(OPERATIONS) ** len(EDGES)


class NasBench201:
    """The table. Where a method takes ``column``, it may be a data set's name or any column of the file.

    Differences below 0.2 points are within the benchmark's own noise (its two versions differ by that).

    Parameters
    ----------
    table
        Accuracies, indexed by the cells' six digits.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    @classmethod
    def read(cls, path: str | Path | None = None) -> NasBench201:
        """Read the file at ``path``, or at what NNI_DARTS_NASBENCH201 says.

        Raises
        ------
        ConfigError
            There is no such file, or it is not this table.
        """
        given = path or os.environ.get(VARIABLE)
        if not given:
            raise ConfigError(f"The table of NAS-Bench-201 is not given; set {VARIABLE} to its CSV file.")
        return cls(_read(Path(given)))

    @property
    def columns(self) -> list[str]:
        """Names of the columns of accuracies."""
        return [str(name) for name in self._table.columns]

    def row(self, cell: BenchmarkCell) -> dict[str, float]:
        """All accuracies of a cell."""
        return {column: float(self._table[column][cell.code]) for column in self.columns}

    def accuracy(self, cell: BenchmarkCell, column: str = "cifar10") -> float:
        """One accuracy of a cell, in percent."""
        return float(self._column(column)[cell.code])

    def rank(self, cell: BenchmarkCell, column: str = "cifar10") -> int:
        """One more than the number of cells that are better."""
        values = self._column(column)
        return 1 + int((values > values[cell.code]).sum())

    def mean(self, column: str = "cifar10") -> float:
        """What a cell drawn uniformly reaches on average."""
        return float(self._column(column).mean())

    def best(self, column: str = "cifar10") -> tuple[BenchmarkCell, float]:
        """The best cell, the first of equals in the file's order, and its accuracy."""
        values = self._column(column)
        code = str(values.idxmax())
        return BenchmarkCell.of_code(code), float(values[code])

    def _column(self, name: str) -> pd.Series[float]:
        column = COLUMNS.get(name, name)
        if column not in self._table:
            raise ConfigError(
                f'NAS-Bench-201 has no column "{name}"; write {", ".join(COLUMNS)} or a column of the file: '
                f"{', '.join(self.columns)}."
            )
        return self._table[column]


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"cell": str})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the table of NAS-Bench-201 cannot be read ({error}).") from None
    except ValueError as error:
        raise _malformed(path, f"is no CSV file ({str(error).splitlines()[0]})") from None
    if "cell" not in table:
        raise _malformed(path, 'has no column "cell"')
    missing = [column for column in COLUMNS.values() if column not in table]
    if missing:
        raise _malformed(path, f'has no column "{missing[0]}"')
    wrong = table.loc[~table["cell"].str.fullmatch(f"[0-4]{{{len(EDGES)}}}", na=False), "cell"]
    if len(wrong):
        raise _malformed(path, f'has the cell "{wrong.iloc[0]}", not six digits from 0 to 4')
    table = table.set_index("cell").drop(columns="index", errors="ignore")
    if not table.index.is_unique or len(table) != CELLS:
        raise _malformed(path, f"has {table.index.nunique()} different cells in {len(table)} rows")
    text = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    if text or table[list(COLUMNS.values())].isna().any(axis=None):
        raise _malformed(path, f'has entries that are no numbers in "{(text or ["its accuracies"])[0]}"')
    return table


def _malformed(path: Path, what: str) -> ConfigError:
    return ConfigError(f"{path}: not the table of all {CELLS} cells of NAS-Bench-201: it {what}.")
