"""Curves of a run over the epochs, from ``metrics.csv``: loss, accuracy, diagnostics and learning rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.draw.figures import new_figure, save, styled
from nni_darts.errors import ConfigError
from nni_darts.run.epoch_table import that_count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Names that are worth a panel; throughput, memory and the like are read in the table.
_QUANTITIES = re.compile(r"loss|acc|top|entropy|margin|skips|eigenvalue|gap|lr$")
# Okabe and Ito (2008).
_PHASES = {"train": "#0072B2", "valid": "#D55E00", "test": "#009E73", "discretised": "#CC79A7", "": "#333333"}
_CELLS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")


def plot_curves(run_path: str | Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Plot ``metrics.csv`` of a run into its ``figures`` folder and return the paths; none for no curves."""
    import pandas as pd

    path = Path(run_path) / "metrics.csv"
    if not path.exists():
        raise ConfigError(f"{path}: missing; a run writes it at the end of its first epoch.")
    table = that_count(pd.read_csv(path))
    panels = _panels(table)
    if not panels:
        return []
    return save(_figure(table, panels), Path(run_path) / "figures", "curves", formats, dpi=150)


def _panels(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Quantity to line to column: ``train_loss`` and ``valid_loss`` share the panel ``loss``.

    So do ``skips/normal`` and ``skips/reduce``; what they sum up to is left out.
    """
    panels: dict[str, dict[str, str]] = {}
    for column in table.select_dtypes("number").columns:
        phase, _, quantity = str(column).partition("_")
        if phase not in _PHASES:
            phase, quantity = "", str(column)
        if "/" in quantity:
            quantity, _, phase = quantity.partition("/")
        if _QUANTITIES.search(quantity):
            panels.setdefault(quantity, {})[phase] = column
    return {
        quantity: {line: column for line, column in lines.items() if line or len(lines) == 1}
        for quantity, lines in panels.items()
    }


def _colours(lines: Iterable[str]) -> dict[str, str]:
    """Of the lines of a panel, which are either phases or cells."""
    cells = [line for line in lines if line not in _PHASES]
    return {**_PHASES, **dict(zip(cells, cycle(_CELLS), strict=False))}


@styled
def _figure(table: pd.DataFrame, panels: dict[str, dict[str, str]]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.2 * columns, 2.4 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_visible(False)
    for axes, (quantity, phases) in zip(grid, panels.items(), strict=False):
        axes.set_visible(True)
        colours = _colours(phases)
        for phase, column in phases.items():
            known = table[["epoch", column]].dropna()
            # What is measured now and then shows when.
            marker = "o" if len(known) == 1 or len(known) < len(table) else None
            axes.plot(
                known["epoch"], known[column], color=colours[phase], label=phase, marker=marker, ms=3, lw=1.4
            )
        axes.set_title(quantity.replace("_", " "), fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        if len(phases) > 1:
            axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure
