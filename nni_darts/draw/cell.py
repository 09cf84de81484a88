"""Drawings of cells in the look of the DARTS paper, made without graphviz."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.draw.cell_graph import CellGraph, benchmark_graph, cell_graph, genotype_graph
from nni_darts.draw.cell_plan import BOX_FONT, LABEL_FONT, CellPlan, plan_cell
from nni_darts.draw.figures import new_figure, save, styled
from nni_darts.genotype.genotype import Genotype
from nni_darts.genotype.prune import pruned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nni_darts.genotype import Architecture
    from nni_darts.genotype.genotype import CellGenotype

FILL = {"input": "#b4eeb4", "node": "#add8e6", "output": "#eee8aa"}
LINE = "#333333"


def draw_architecture(
    architecture: Architecture, folder: str | Path, formats: Sequence[str] = ("svg", "png")
) -> list[Path]:
    """Write the cells of an architecture; nothing where its space has none that we know."""
    if architecture.genotype is not None:
        return draw_cells(architecture.genotype, folder, formats)
    cell = architecture.benchmark_cell
    if cell is None:
        return []
    return save(_graph_figure(benchmark_graph(cell)), Path(folder), "cell", formats, dpi=200)


def draw_cells(
    genotype: CellGenotype, folder: str | Path, formats: Sequence[str] = ("svg", "png")
) -> list[Path]:
    """Write ``cell_{name}`` of every cell in each format (svg, png, pdf) and return the paths."""
    if isinstance(genotype, Genotype):
        genotype = pruned(genotype)
    paths = []
    for cell in genotype.cells:
        figure = _graph_figure(genotype_graph(genotype, cell))
        paths += save(figure, Path(folder), f"cell_{cell}", formats, dpi=200)
    return paths


def cell_figure(pairs: Sequence[tuple[str, int]], concat: Sequence[int]) -> Figure:
    """One cell: inputs green at the left, nodes blue, the output yellow, operations on the edges."""
    return _graph_figure(cell_graph(pairs, concat))


@styled
def _graph_figure(graph: CellGraph) -> Figure:
    plan = plan_cell(graph)
    figure = new_figure(plan.width, plan.height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, plan.width)
    axes.set_ylim(0, plan.height)
    axes.set_axis_off()
    for edge in range(len(graph.edges)):
        _draw_edge(axes, plan, edge)
    for point, text in plan.layers.labels.items():
        x, y = plan.centre(point)
        background = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.text(
            x,
            y,
            text,
            fontsize=LABEL_FONT,
            ha="center",
            va="center_baseline",
            bbox=background,
            parse_math=False,
        )
    for point, box in enumerate(graph.boxes):
        _draw_box(axes, plan, point, box.text, FILL[box.kind])
    return figure


def _draw_edge(axes: Axes, plan: CellPlan, edge: int) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    runs = plan.route(edge)
    points, codes = [runs[0][0]], [Curve.MOVETO]
    for (_, left), (right, end) in pairwise(runs):
        middle = (left[0] + right[0]) / 2
        points += [(middle, left[1]), (middle, right[1]), right]
        codes += [Curve.CURVE4] * 3
        if end != right:
            points.append(end)
            codes.append(Curve.LINETO)
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(points, codes), arrowstyle="-|>", mutation_scale=9, linewidth=0.9, color=LINE
        )
    )


def _draw_box(axes: Axes, plan: CellPlan, point: int, text: str, fill: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, bottom, width, height = plan.rectangle(point)
    shape = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle=shape,
            facecolor=fill,
            edgecolor=LINE,
            linewidth=0.9,
            zorder=3,
        )
    )
    x, y = plan.centre(point)
    axes.text(x, y, text, fontsize=BOX_FONT, ha="center", va="center_baseline", zorder=4, parse_math=False)
