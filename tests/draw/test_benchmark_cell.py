"""The drawing of a NAS-Bench-201 cell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_darts.draw import draw_architecture
from nni_darts.draw.cell_graph import Box, benchmark_graph
from nni_darts.draw.cell_plan import plan_cell
from nni_darts.genotype import Architecture, BenchmarkCell, resolve

codes = st.text("01234", min_size=6, max_size=6)


def texts(svg: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())


def test_states_and_operations_are_there_and_none_is_not(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (path,) = draw_architecture(resolve("310204"), tmp_path, ("svg",))
    assert path.name == "cell.svg"
    operations = ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3"]
    assert sorted(texts(path)) == sorted(["c_{k-1}", "1", "2", "3", "c_{k}", *operations])


def test_boxes_stand_in_the_order_of_the_ways_to_them() -> None:
    graph = benchmark_graph(BenchmarkCell.of_code("101001"))
    assert graph.boxes[1:] == (
        Box("1", "node", 1),
        Box("2", "node", 2),
        Box("3", "node", 3),
        Box("c_{k}", "output", 4),
    )
    assert [(edge.source, edge.target) for edge in graph.edges] == [(0, 1), (1, 2), (2, 3), (3, 4)]


@given(codes)
@settings(max_examples=30, deadline=None)
def test_every_cell_has_a_plan(code: str) -> None:
    graph = benchmark_graph(BenchmarkCell.of_code(code))
    plan = plan_cell(graph)
    assert all(graph.boxes[edge.source].rank < graph.boxes[edge.target].rank for edge in graph.edges)
    assert plan.width > 0
    assert len({plan.centre(box) for box in range(len(graph.boxes))}) == len(graph.boxes)


def test_other_spaces_have_nothing_to_draw(tmp_path: Path) -> None:
    other = Architecture.from_sample({"depth": 3}, space="package.module:Space")
    assert draw_architecture(other, tmp_path) == []
