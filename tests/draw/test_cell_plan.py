"""For any cell: each edge is there once, points right, has its own label, and nothing meets anything else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from nni_darts.draw.cell_graph import cell_graph
from nni_darts.draw.cell_plan import CellPlan, plan_cell
from nni_darts.genotype import PUBLISHED
from tests.draw.conftest import Pairs, cells

Rectangle = tuple[float, float, float, float]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def on_the_way(plan: CellPlan, edge: int) -> np.ndarray:
    """Many points of the drawn line of an edge."""
    runs = plan.route(edge)
    t = np.linspace(0, 1, 60)[:, None]
    parts = []
    for (_, left), (right, end) in itertools.pairwise(runs):
        middle = (left[0] + right[0]) / 2
        p = [np.array(q) for q in (left, (middle, left[1]), (middle, right[1]), right, end)]
        parts.append(
            (1 - t) ** 3 * p[0] + 3 * t * (1 - t) ** 2 * p[1] + 3 * t**2 * (1 - t) * p[2] + t**3 * p[3]
        )
        parts.append((1 - t) * p[3] + t * p[4])
    return np.concatenate(parts)


def check(pairs: Pairs, concat: list[int]) -> None:
    graph = cell_graph(pairs, concat)
    plan = plan_cell(graph)
    shapes = {point: plan.rectangle(point) for point in [*range(len(graph.boxes)), *plan.layers.labels]}
    for a, b in itertools.combinations(shapes, 2):
        assert not overlap(shapes[a], shapes[b])
    drawn = []
    for edge, chain in enumerate(plan.layers.chains):
        drawn.append(
            (chain[0], chain[-1], *(plan.layers.labels[p] for p in chain if p in plan.layers.labels))
        )
        x, y = on_the_way(plan, edge).T
        assert np.all(np.diff(x) >= -1e-9)
        assert np.all((x > 0) & (x < plan.width) & (y > 0) & (y < plan.height))
        for point, (left, bottom, width, height) in shapes.items():
            inside = (x > left + 1e-6) & (x < left + width - 1e-6) & (y > bottom) & (y < bottom + height)
            assert not inside.any() or (point in chain[1:-1] and point in plan.layers.labels)
    state = [0, 1, *(2 + int(box.text) for box in graph.boxes if box.kind == "node"), "output"]
    given_edges = [(source, 2 + i // 2, operation) for i, (operation, source) in enumerate(pairs)]
    assert [(state[source], state[target], *name) for source, target, *name in drawn] == [
        *(edge for edge in given_edges if edge[2] != "none"),
        *((source, "output") for source in concat),
    ]


@given(cells())
@settings(max_examples=25, deadline=None)
def test_boxes_labels_and_lines_keep_apart(cell: tuple[Pairs, list[int]]) -> None:
    check(*cell)


@pytest.mark.parametrize("name", ["DARTS_V1", "DARTS_V2", "NASNet", "AmoebaNet"])
def test_published_cells_keep_apart(name: str) -> None:
    for cell in ("normal", "reduce"):
        check(list(PUBLISHED[name].edges(cell)), list(PUBLISHED[name].concat(cell)))


def test_a_cell_without_need_of_crossings_has_none() -> None:
    """Node 0 uses only c_{k-1}, node 1 only c_{k-2}: in the order of the states four links would cross."""
    graph = cell_graph([("a", 1), ("b", 1), ("c", 0), ("d", 0)], [2, 3])
    plan = plan_cell(graph)
    assert plan.centre(3)[1] > plan.centre(2)[1]
    assert plan.centre(0)[1] > plan.centre(1)[1]
