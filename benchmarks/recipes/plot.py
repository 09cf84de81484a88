"""The accuracies as a picture: a dot for each seed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from benchmarks.recipes.rows import Reference, Row
from nni_darts.run.files import write_bytes


def draw(rows: Sequence[Row], known: Sequence[Reference], path: Path) -> None:
    """Write an SVG: rows by their mean, the references as lines.

    Cells below the mean of random ones are drawn at the left edge: the worst have 10 %.
    """
    import matplotlib
    from matplotlib.figure import Figure

    ordered = sorted(rows, key=lambda row: row.accuracy.mean)
    random = [one for one in known if one.cell is None]
    left = min(one.accuracy for one in random) - 4
    figure = Figure(figsize=(8, 1.5 + 0.28 * len(ordered)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(ordered):
        seen = [max(value, left) for value in row.accuracy.values]
        axes.plot(seen, [place] * len(seen), "o", color="#0072b2", alpha=0.7, clip_on=False)
        axes.plot(max(row.accuracy.mean, left), place, "|", color="black", markersize=14)
    for one, style in zip((known[0], *random), ("-", "--", ":"), strict=False):
        axes.axvline(
            one.accuracy, linestyle=style, color="#d55e00", linewidth=1, label=one.name.replace("`", "")
        )
    axes.set_yticks(range(len(ordered)), [row.name for row in ordered])
    axes.set_xlim(left, known[0].accuracy + 0.5)
    axes.set_xlabel("true accuracy of the derived cell, % (what is worse lies at the edge)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=1, frameon=False, fontsize=8)
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "methods"}):  # the same picture is the same file
        figure.savefig(file, format="svg", metadata={"Date": None})
    write_bytes(path, file.getvalue())
