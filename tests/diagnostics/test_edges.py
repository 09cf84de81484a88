from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from nni_darts.diagnostics.edges import Edge, edges
from nni_darts.diagnostics.report import report
from nni_darts.parts.relaxation import Softmax
from nni_darts.parts.sigmoid import Sigmoid
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Choice, Node, Structure
from tests.toy import state_of


def state_with(structure: Structure, alphas: dict[str, list[float]], kind: Any = Softmax) -> SearchState:
    relaxation = kind(structure.sizes).double()
    with torch.no_grad():
        for label, row in alphas.items():
            relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    module = torch.nn.Linear(1, 1)
    return state_of(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure)


def logs(*shares: float) -> list[float]:
    return [math.log(share) for share in shares]


def one(choice: Choice, row: list[float], kind: Any = Softmax) -> Edge:
    return edges(state_with(Structure({"a": choice}), {"a": row}, kind))["a"]


def test_known_rows() -> None:
    edge = one(Choice(("x", "y", "z")), logs(0.25, 0.5, 0.25))
    assert edge.entropy == pytest.approx(1.5 * math.log(2))
    assert edge.margin == pytest.approx(0.25)
    assert (edge.best, edge.second) == ("y", "x")
    assert one(Choice(("x",) * 8), [0.0] * 8).entropy == pytest.approx(math.log(8))
    assert one(Choice(("x", "y")), [1000.0, 0.0]) == Edge(0.0, 1.0, "x", "y")


def test_none_is_in_the_entropy_and_no_rival_where_it_is_never_derived() -> None:
    """A margin to ``none`` would say nothing about which operation an edge gets."""
    row = logs(0.5, 0.2, 0.3)
    structure = Structure({"a": Choice(("none", "x", "y"))})
    free = edges(state_with(structure, {"a": row}))["a"]
    assert (free.best, free.second, free.margin) == ("none", "y", pytest.approx(0.2))
    structure.nodes.append(Node(("a",), 1, dict, list))
    inside = edges(state_with(structure, {"a": row}))["a"]
    assert (inside.best, inside.second, inside.margin) == ("y", "x", pytest.approx(0.1))
    assert inside.entropy == free.entropy == pytest.approx(-sum(p * math.log(p) for p in (0.5, 0.2, 0.3)))


def test_gates_that_do_not_compete_count_as_shares_of_their_sum() -> None:
    edge = one(Choice(("x", "y")), [math.log(3), math.log(1 / 3)], Sigmoid)  # gates 0.75 and 0.25
    assert edge.margin == pytest.approx(0.5)
    row = [math.log(9), 0.0]  # 0.9 and 0.5
    assert one(Choice(("x", "y")), row, Sigmoid).margin == pytest.approx(0.4 / 1.4)


def test_of_several_inputs_the_last_chosen_one_leads_the_next() -> None:
    row = logs(0.1, 0.4, 0.2, 0.3)
    edge = one(Choice((0, 1, 2, 3), multiple=True, n_chosen=2), row)
    assert (edge.best, edge.second, edge.margin) == ("3", "2", pytest.approx(0.1))
    assert one(Choice((0, 1), multiple=True, n_chosen=2), logs(0.5, 0.5)).margin is None


def test_what_is_not_defined_has_no_number() -> None:
    assert one(Choice(("x",)), [0.3]) == Edge(0.0, None, "x", None)

    class Nothing(Softmax):
        def forward(self) -> dict[str, torch.Tensor]:
            return self.each_row(torch.zeros_like)

    state = state_with(Structure({"a": Choice(("x", "y"))}), {}, Nothing)
    assert edges(state)["a"] == Edge(None, None, None, None)
    assert report(state, {"a": "x"}) == {"skips": 0.0}


def test_cells_have_their_own_means() -> None:
    labels = ("normal/edge_0_2", "normal/edge_1_2", "reduce/edge_0_2", "head")
    structure = Structure({label: Choice(("skip_connect", "y")) for label in labels})
    rows = [logs(0.9, 0.1), logs(0.7, 0.3), logs(0.5, 0.5), logs(0.25, 0.75)]
    state = state_with(structure, dict(zip(labels, rows, strict=True)))
    found = report(state, dict.fromkeys(labels, "skip_connect"))
    assert found["margin/normal"] == pytest.approx(0.6)
    assert found["margin/reduce"] == pytest.approx(0.0)
    assert found["margin"] == pytest.approx((0.8 + 0.4 + 0.0 + 0.5) / 4)
    assert found["entropy/reduce"] == pytest.approx(math.log(2))
    assert (found["skips"], found["skips/normal"], found["skips/reduce"]) == (4, 2, 1)
    assert set(found) == {f"{name}{cell}" for name in ("entropy", "margin", "skips") for cell in CELLS}


CELLS = ("", "/normal", "/reduce")
