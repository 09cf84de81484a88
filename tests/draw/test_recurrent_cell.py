"""The drawing of a recurrent cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.draw import draw_architecture
from nni_darts.draw.cell_graph import Box, Edge, genotype_graph
from nni_darts.draw.cell_plan import plan_cell
from nni_darts.genotype import RECURRENT_CELLS, RecurrentGenotype, resolve
from tests.draw.test_benchmark_cell import texts


def test_states_and_activations_are_there(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (path,) = draw_architecture(resolve("DARTS_V2_RNN"), tmp_path, ("svg",))
    assert path.name == "cell_recurrent.svg"
    activations = ["sigmoid", "relu", "relu", "identity", "tanh", "sigmoid", "tanh", "relu"]
    states = ["x_{t}", "h_{t-1}", *map(str, range(9)), "h_{t}"]
    assert sorted(texts(path)) == sorted([*states, *activations])


def test_token_and_hidden_state_make_state_0_and_the_output_is_a_mean_of_nodes() -> None:
    genotype = RecurrentGenotype.of([("tanh", 0), ("relu", 0), ("relu", 1)], concat=[2, 3])
    graph = genotype_graph(genotype, "recurrent")
    assert graph.boxes[:3] == (Box("x_{t}", "input", 0), Box("h_{t-1}", "input", 0), Box("0", "node", 1))
    assert graph.boxes[3:] == (
        Box("1", "node", 2),
        Box("2", "node", 2),
        Box("3", "node", 3),
        Box("h_{t}", "output", 4),
    )
    assert graph.edges == (
        Edge(0, 2),
        Edge(1, 2),
        Edge(2, 3, "tanh"),
        Edge(2, 4, "relu"),
        Edge(3, 5, "relu"),
        Edge(4, 6),
        Edge(5, 6),
    )


@pytest.mark.parametrize("name", RECURRENT_CELLS)
def test_no_two_boxes_meet(name: str) -> None:
    graph = genotype_graph(RECURRENT_CELLS[name], "recurrent")
    plan = plan_cell(graph)
    assert all(graph.boxes[edge.source].rank < graph.boxes[edge.target].rank for edge in graph.edges)
    assert len({plan.centre(box) for box in range(len(graph.boxes))}) == len(graph.boxes)
