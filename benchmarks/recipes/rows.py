"""What the searches of a row amount to."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.recipes.store import Result, Task
from benchmarks.recipes.variants import REFERENCE
from nni_darts.benchmarks import NasBench201
from nni_darts.genotype.nasbench201 import EDGES, BenchmarkCell

ALL_SKIP = "1" * len(EDGES)


@dataclass(frozen=True)
class Spread:
    """Numbers of several seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Of a sample; None of a single number."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def to_dict(self) -> dict[str, Any]:
        return {"values": self.values, "mean": self.mean, "deviation": self.deviation}


@dataclass(frozen=True)
class Row:
    """A row of the table; its tuples are in the order of ``seeds``.

    Attributes
    ----------
    accuracy, ranks
        True test accuracy of the derived cells in percent, and how many cells are better, plus one.
    supernet, discretised
        Validation accuracy in percent at the end of the search, as the search reports it, and with the
        derived operations alone; None where that was not measured.
    time, peak
        Over those of first-order DARTS with the same seed; None without that.
    stopped
        Epochs whose architecture a stopping rule took; None where none did.
    """

    name: str
    seeds: tuple[int, ...]
    accuracy: Spread
    ranks: tuple[int, ...]
    cells: tuple[str, ...]
    supernet: Spread
    discretised: Spread | None
    time: Spread | None
    peak: Spread | None
    stopped: tuple[int | None, ...]
    other_code: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            key: value.to_dict() if isinstance(value, Spread) else value for key, value in vars(self).items()
        }


def rows(found: Mapping[Task, Result], table: NasBench201) -> list[Row]:
    """A row for each variant that has results, in their order."""
    done = {task: result for task, result in found.items() if "cell" in result}
    units = {task.seed: result for task, result in done.items() if task.variant == REFERENCE}
    names = dict.fromkeys(task.variant.name for task in done)
    return [
        _row(name, {task.seed: done[task] for task in done if task.variant.name == name}, units, table)
        for name in names
    ]


def _row(name: str, results: Mapping[int, Result], units: Mapping[int, Result], table: NasBench201) -> Row:
    cells = [BenchmarkCell.of_code(result["cell"]) for result in results.values()]
    both = [(result, units[seed]) for seed, result in results.items() if seed in units]
    peaks = [(one["peak_bytes"], unit["peak_bytes"]) for one, unit in both]
    return Row(
        name,
        tuple(results),
        Spread(tuple(table.accuracy(cell) for cell in cells)),
        tuple(table.rank(cell) for cell in cells),
        tuple(cell.code for cell in cells),
        Spread(tuple(result["default"] for result in results.values())),
        _spread(r["discretised_accuracy"] for r in results.values() if "discretised_accuracy" in r),
        _spread(_units(one) / _units(unit) for one, unit in both),
        _spread(a / b for a, b in peaks) if all(a and b for a, b in peaks) else None,
        tuple((result.get("stopped") or {}).get("architecture_epoch") for result in results.values()),
        sum(result["other_code"] for result in results.values()),
    )


def _units(result: Result) -> float:
    """Time of a search in bare steps of the same moment."""
    return float(result["seconds"] / result["step_seconds"])


def _spread(values: Iterable[float]) -> Spread | None:
    found = tuple(values)
    return Spread(found) if found else None


def refusals(found: Mapping[Task, Result]) -> dict[str, str]:
    """Variant -> why it is not defined on this space."""
    return {task.variant.name: " ".join(r["refused"]) for task, r in found.items() if "refused" in r}


def sampled(found: Mapping[Task, Result]) -> dict[BenchmarkCell, float]:
    """The cells that the sampling baseline has trained, and their validation accuracies in percent."""
    return {
        BenchmarkCell.of_code(code): score
        for result in found.values()
        for code, score in result.get("drawn", {}).items()
    }


def agreement(scores: Mapping[BenchmarkCell, float], table: NasBench201) -> float:
    """Spearman's rank correlation of scores with what the cells reach."""
    true = pd.Series([table.accuracy(cell) for cell in scores], dtype=float)
    return float(pd.Series(list(scores.values()), dtype=float).corr(true, method="spearman"))


@dataclass(frozen=True)
class Reference:
    """A cell, or the mean of many, that no search was needed for."""

    name: str
    accuracy: float
    deviation: float | None
    cell: BenchmarkCell | None = None


def references(table: NasBench201) -> list[Reference]:
    """The best cell, what uniformly drawn ones reach on average, and the one of skip connections alone."""
    best, highest = table.best()
    skips = BenchmarkCell.of_code(ALL_SKIP)
    return [
        Reference("best of all cells", highest, None, best),
        _mean("a random cell without `none`: mean of all 4,096", table, "1234"),
        _mean("a random cell: mean of all 15,625", table, "01234"),
        Reference("all edges `skip_connect`", table.accuracy(skips), None, skips),
    ]


def _mean(name: str, table: NasBench201, digits: Sequence[str]) -> Reference:
    codes = map("".join, itertools.product(digits, repeat=len(EDGES)))
    accuracies = [table.accuracy(BenchmarkCell.of_code(code)) for code in codes]
    return Reference(name, statistics.fmean(accuracies), statistics.pstdev(accuracies))
