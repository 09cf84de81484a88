"""Card darts, "How a test proves it", item 3, and the rule on other kinds of choice."""

from __future__ import annotations

from typing import Any

import torch

from nni_darts.parts.derivation import best_candidates, rank_edges, strongest
from nni_darts.parts.relaxation import Softmax
from nni_darts.supernet.structure import Choice, Node, Structure
from tests.toy import state_of

NONE, MAX, AVG, SKIP, SEP3, SEP5, DIL3, DIL5 = OPERATIONS = (
    *("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"),
    *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
)


def derive(structure: Structure, alphas: dict[str, list[float]]) -> dict[str, Any]:
    relaxation = Softmax(structure.sizes).double()
    with torch.no_grad():
        for label, row in alphas.items():
            relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    module = torch.nn.Linear(1, 1)
    return strongest(state_of(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure))


def cell_structure() -> Structure:
    structure = Structure()
    first = 0
    for node in range(4):
        edges = tuple(f"e{first + k}" for k in range(node + 2))
        first += len(edges)
        structure.choices.update({edge: Choice(OPERATIONS) for edge in edges})
        structure.nodes.append(Node(edges, 2, lambda pairs, node=node: {f"node{node}": pairs}))
    return structure


def row(**values: float) -> list[float]:
    return [values.get(operation, 0.0) for operation in OPERATIONS]


def test_the_cards_table():
    """Ranking raw logits swaps the second pair; sorting by index breaks the last one."""
    alphas = {f"e{k}": row() for k in range(14)}
    alphas["e0"] = row(sep_conv_3x3=1.0)
    alphas["e1"] = row(none=5.0, skip_connect=0.9)
    alphas["e2"] = row(sep_conv_5x5=0.5)
    alphas["e3"] = row(dil_conv_3x3=0.8)
    alphas["e4"] = row(none=3.0, max_pool_3x3=2.0)
    alphas.update({f"e{k}": row(skip_connect=0.3) for k in range(5, 9)})
    alphas.update({f"e{k}": row(dil_conv_5x5=0.1 * (k - 8)) for k in range(9, 14)})
    assert derive(cell_structure(), alphas) == {
        "node0": [(0, SEP3), (1, SKIP)],
        "node1": [(1, DIL3), (2, MAX)],
        "node2": [(0, SKIP), (1, SKIP)],
        "node3": [(4, DIL5), (3, DIL5)],
    }


def test_edges_are_ranked_by_weight_not_by_raw_alpha():
    """Two edges, alphas (2, 0 | 9) and (1, 0 | -9): NNI's own export takes the first."""
    structure = Structure({"a": Choice(("x", "y", NONE)), "b": Choice(("x", "y", NONE))})
    structure.nodes.append(Node(("a", "b"), 1, lambda pairs: {"node": pairs}))
    assert derive(structure, {"a": [2.0, 0.0, 9.0], "b": [1.0, 0.0, -9.0]}) == {"node": [(1, "x")]}


def test_a_node_that_keeps_more_than_its_edges_takes_their_next_operations():
    choices = {"a": Choice(("x", "y"))}
    node = Node(("a",), 3, lambda pairs: {})
    assert rank_edges(node, {"a": torch.tensor([0.4, 0.6])}, choices) == [(0, "y"), (0, "x"), (0, "y")]


def test_ties_keep_the_lower_index():
    assert best_candidates(Choice(("x", "y")), torch.tensor([0.5, 0.5])) == "x"
    several = Choice((0, 1, 2, 3), multiple=True, n_chosen=2)
    assert best_candidates(several, torch.tensor([0.2, 0.3, 0.2, 0.3])) == [1, 3]
    assert best_candidates(several, torch.tensor([0.25, 0.25, 0.25, 0.25])) == [0, 1]


def test_an_open_number_of_inputs_keeps_what_weighs_at_least_uniform():
    several = Choice((0, 1, 2), multiple=True, n_chosen=None)
    assert best_candidates(several, torch.tensor([0.5, 0.1, 0.4])) == [0, 2]
