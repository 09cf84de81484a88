"""The page of the table: what is between the markers is the command's, all else its readers'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.harness.table import markdown, number
from benchmarks.recipes.budget import WEIGHTS, Budget
from benchmarks.recipes.rows import Reference, Row, Spread, agreement
from benchmarks.recipes.variants import FITTED, REFERENCE, SAMPLING
from nni_darts.benchmarks import NasBench201
from nni_darts.errors import RunError
from nni_darts.genotype.nasbench201 import BenchmarkCell
from nni_darts.run.files import write_text

PATH = Path(__file__).parents[2] / "docs" / "methods-table.md"
ABOUT = Path(__file__).with_name("about.md")
BEGIN, END = "<!-- written by python -m benchmarks.methods: begin -->", "<!-- end -->"
HEAD = """# All methods on one small search

Every registered method searches NAS-Bench-201 on CIFAR-10 with the same budget, and what the cells that it
derives really reach is looked up in the benchmark.
"""
COLUMNS = (
    *("search", "true accuracy, %", "range", "ranks of 15,625"),
    *("time / first order", "peak / first order", "supernet, %", "discretised, %", "cells"),
)


def write(block: str, path: Path = PATH) -> None:
    """Put ``block`` between the page's markers, in place of what stood there; a new page gets its title.

    Raises
    ------
    RunError
        The page has no markers: then nobody knows what of it is text.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else f"{HEAD}\n{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        lacking = END if begin else BEGIN
        raise RunError(f"{path} lacks the line {lacking}; put it where the table belongs.")
    write_text(path, f"{before}{BEGIN}\n{block.strip()}\n{END}{after}")


def table_of(rows: Iterable[Row], known: Sequence[Reference], table: NasBench201) -> str:
    """Best mean first, the references in their places among them."""
    lines = [(row.accuracy.mean, _cells(row)) for row in rows]
    lines += [(one.accuracy, _reference(one, table)) for one in known]
    return markdown(COLUMNS, [cells for _, cells in sorted(lines, key=lambda line: -line[0])])


def _cells(row: Row) -> tuple[str, ...]:
    name = f"**{row.name}**" if row.name in (REFERENCE.name, SAMPLING) else row.name
    low, high = row.accuracy.range
    return (
        name,
        _with_deviation(row.accuracy.mean, row.accuracy.deviation),
        f"{low:.2f} to {high:.2f}",
        ", ".join(f"{rank:,}" for rank in row.ranks),
        _mean(row.time),
        _mean(row.peak),
        _mean(row.supernet, 1),
        _mean(row.discretised, 1),
        " ".join(f"`{code}`" for code in row.cells),
    )


def _reference(one: Reference, table: NasBench201) -> tuple[str, ...]:
    cell = one.cell
    rank, code = (f"{table.rank(cell):,}", f"`{cell.code}`") if cell else ("-", "-")
    return f"*{one.name}*", _with_deviation(one.accuracy, one.deviation), "-", rank, "-", "-", "-", "-", code


def _with_deviation(mean: float, deviation: float | None) -> str:
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ± {deviation:.2f}"


def _mean(spread: Spread | None, digits: int = 2) -> str:
    return number(None if spread is None else spread.mean, f"{{:.{digits}f}}")


def about(budget: Budget, seeds: Sequence[int]) -> str:
    """What the numbers mean and how they came about."""
    fitted = [
        f"`{name}`: " + ", ".join(f"{option} {value}" for option, value in scale(budget.epochs).items())
        for name, scale in FITTED.items()
    ]
    return ABOUT.read_text(encoding="utf-8").format(
        **budget.to_dict(),
        steps=budget.steps,
        seeds=", ".join(map(str, seeds)),
        weights=", ".join(f"{name} {_plain(value)}" for name, value in WEIGHTS.items()),
        fitted="; ".join(fitted),
        sampling=SAMPLING,
    )


def _plain(value: float | bool) -> str:
    """As settings are written."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def notes(
    rows: Sequence[Row],
    refused: Mapping[str, str],
    epochs: int,
    drawn: Mapping[BenchmarkCell, float],
    table: NasBench201,
) -> str:
    """What the table does not say; ``drawn``: cells of the sampling baseline, and their scores."""
    lines = []
    if len(drawn) > 1:
        lines.append(
            f"- {SAMPLING}: the rank correlation of its {len(drawn)} cells' validation accuracies, each "
            f"trained by itself, with what they reach is {agreement(drawn, table):+.2f}."
        )
    for row in rows:
        earlier = [epoch is not None and epoch + 1 < epochs for epoch in row.stopped]
        if any(earlier):
            taken = zip(earlier, row.stopped, strict=True)
            counts = ", ".join(str((epoch or 0) + 1) if early else "the end" for early, epoch in taken)
            lines.append(f"- {row.name} took the architecture of an earlier epoch, by seed: {counts}.")
    old = [f"{row.name} ({row.other_code})" for row in rows if row.other_code]
    if old:
        lines.append(f"- Searches of an earlier state of the code: {', '.join(old)}.")
    lines += [f"- Not here: {name}: {reason}" for name, reason in refused.items()]
    return "\n".join(lines)
