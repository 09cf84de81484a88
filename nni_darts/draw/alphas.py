"""How the operations' weights moved: a figure per cell type, a panel per edge, a line per operation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.draw.colours import Line, lines_of
from nni_darts.draw.figures import new_figure, save, styled
from nni_darts.errors import ConfigError
from nni_darts.run.epoch_table import that_count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = (1.9, 1.45)  # inches
COLUMNS = 5
_CELL_EDGE = re.compile(r"edge_(\d+)_(\d+)")


def plot_alphas(run_path: str | Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Plot ``mixture.csv`` of a run into its ``figures`` folder and return the paths.

    Labels are grouped by what stands before their first slash (``normal/edge_0_2``); labels without
    one, and those alone in their group, share the figure ``alphas``.
    """
    import pandas as pd

    path = Path(run_path) / "mixture.csv"
    if not path.exists():
        raise ConfigError(f"{path}: missing; only a search writes it.")
    columns = {"epoch": int, "label": str, "choice": str, "value": float}
    table = pd.read_csv(path, dtype=columns, keep_default_na=False, na_values={"value": ["", "nan"]})
    table = that_count(table)
    lines = lines_of(table["choice"])
    paths = []
    for group, labels in _groups(list(dict.fromkeys(table["label"]))).items():
        figure = _figure(table[table["label"].isin(labels)], labels, lines)
        name = f"alphas_{re.sub(r'[^A-Za-z0-9._-]', '_', group)}" if group else "alphas"
        paths += save(figure, Path(run_path) / "figures", name, formats, dpi=150)
    return paths


def _groups(labels: list[str]) -> dict[str, list[str]]:
    prefixes = [label.partition("/")[0] if "/" in label else "" for label in labels]
    groups: dict[str, list[str]] = {}
    for label, prefix in zip(labels, prefixes, strict=True):
        groups.setdefault(prefix if prefixes.count(prefix) > 1 else "", []).append(label)
    return groups


@styled
def _figure(table: pd.DataFrame, labels: list[str], lines: dict[str, Line]) -> Figure:
    inputs = _inputs(labels)
    places = _triangle(labels, inputs) or {
        label: divmod(number, COLUMNS) for number, label in enumerate(labels)
    }
    rows = 1 + max(row for row, _ in places.values())
    columns = 1 + max(column for _, column in places.values())
    used = list(dict.fromkeys(table["choice"]))
    columns_of_legend = max(1, min(len(used), 4, columns))
    legend_rows = -(-len(used) // columns_of_legend)
    width, below = max(columns * PANEL[0], 4.0), rows * PANEL[1] + 0.35
    height = below + 0.18 * legend_rows + 0.1
    figure = new_figure(width, height)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    for label, (row, column) in places.items():
        _panel(grid[row, column], table[table["label"] == label], _title(label, inputs), lines)
    for row, column in places.values():
        _outer_labels(grid[row, column], (row, column), set(places.values()))
    first, last = table["epoch"].min(), table["epoch"].max()
    if first == last:
        grid[0, 0].set_xlim(first - 1, last + 1)
    figure.subplots_adjust(
        left=0.65 / width,
        right=1 - 0.12 / width,
        bottom=0.42 / height,
        top=(below - 0.22) / height,
        hspace=0.4,
    )
    handles = [
        grid[places[labels[0]]].plot([], [], color=lines[c].colour, linestyle=lines[c].dash)[0] for c in used
    ]
    legend = figure.legend(
        handles, used, ncols=columns_of_legend, loc="upper center", frameon=False, fontsize=8
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _inputs(labels: list[str]) -> int:
    """How many inputs a cell has, by its edges: two in the DARTS cell, one in that of NAS-Bench-201."""
    edges = [_CELL_EDGE.fullmatch(label.partition("/")[2]) for label in labels]
    return min((int(edge[2]) for edge in edges if edge), default=0)


def _triangle(labels: list[str], inputs: int) -> dict[str, tuple[int, int]] | None:
    """Rows by node and columns by input, where all labels are those of a cell's edges."""
    edges = {label: _CELL_EDGE.fullmatch(label.partition("/")[2]) for label in labels}
    if not all(edges.values()):
        return None
    return {label: (int(edge[2]) - inputs, int(edge[1])) for label, edge in edges.items() if edge}


def _title(label: str, inputs: int) -> str:
    edge = _CELL_EDGE.fullmatch(label.partition("/")[2])
    if not edge:
        return label
    if inputs != 2:
        return f"{edge[1]} \N{RIGHTWARDS ARROW} {edge[2]}"
    source, target = (int(number) - 2 for number in edge.groups())
    return f"{ {-2: 'c_{k-2}', -1: 'c_{k-1}'}.get(source, source) } \N{RIGHTWARDS ARROW} {target}"


def _panel(axes: Axes, table: pd.DataFrame, title: str, lines: dict[str, Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_visible(True)
    for choice, rows in groupby(
        sorted(table.itertuples(), key=lambda r: (r.choice, r.epoch)), lambda r: r.choice
    ):
        points = [(row.epoch, row.value) for row in rows]
        line = lines[choice]
        marker = "o" if len(points) == 1 else None
        axes.plot(*zip(*points, strict=True), color=line.colour, ls=line.dash, marker=marker, ms=3, lw=1.2)
    axes.set_title(title, fontsize=8, pad=3, parse_math=False)
    axes.tick_params(labelsize=7, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _outer_labels(axes: Axes, place: tuple[int, int], taken: set[tuple[int, int]]) -> None:
    """Ticks and names of the axes where no panel follows below or to the left."""
    row, column = place
    if (row + 1, column) not in taken:
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelbottom=True)
    if column == 0:
        axes.set_ylabel("weight", fontsize=8)
