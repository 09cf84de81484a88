"""Card darts-pt, "How a test proves it", items 1, 2 and 5, and its equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.parts.decisions import Timetable
from nni_darts.parts.derivation import strongest
from nni_darts.parts.edge_weights import EdgeNormalised
from nni_darts.parts.perturbation import Perturbation
from nni_darts.parts.relaxation import Relaxation, Softmax
from nni_darts.recipe import Recipe, build_recipe
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Choice, Node, Structure
from tests.toy import state_of

Weights = dict[str, list[float]]


def cells(operations: int) -> Structure:
    """Both types of cell of the DARTS space."""
    structure = Structure()
    for kind in ("normal", "reduce"):
        first = 0
        for node in range(4):
            edges = tuple(f"{kind}/e{first + k}" for k in range(node + 2))
            first += len(edges)
            structure.choices.update({edge: Choice(tuple("abcdefgh"[:operations])) for edge in edges})
            key = f"{kind}/node{node}"
            structure.nodes.append(Node(edges, 2, lambda pairs, key=key: {key: pairs}))
    return structure


def search(structure: Structure, relaxation: type[Relaxation] = Softmax) -> SearchState:
    torch.manual_seed(3)
    relaxed = relaxation(structure.sizes)
    relaxed.prepare(structure)
    module = nn.Linear(1, 1)
    return state_of(module, torch.optim.SGD(module.parameters(), 0.1), relaxed.double(), structure)


class Watched:
    """A criterion that keeps the weights that it was asked about, as plain numbers."""

    def __init__(self, harm: Callable[[Weights], float] = lambda weights: 0.0) -> None:
        self.harm, self.asked = harm, []

    def __call__(self, state: SearchState) -> float:
        state.weights.refresh()
        self.asked.append({label: row.tolist() for label, row in state.weights.current.items()})
        return self.harm(self.asked[-1])


def select(state: SearchState, harm: Callable[[SearchState], float], **options: Any) -> Perturbation:
    """A whole selection without the training in between."""
    tail = Perturbation(**options)
    tail.harm = harm
    for epoch in range(tail.epochs(state.structure)):
        tail.begin(state, epoch)
    return tail


@pytest.mark.parametrize(("operations", "passes"), [(7, 240), (3, 128), (2, 100)])
def test_evaluations_of_one_selection(operations: int, passes: int):
    """Item 1: 2 (14 K + 22)."""
    state, watched = search(cells(operations)), Watched()
    tail = select(state, watched)
    assert len(watched.asked) == passes == 2 * (14 * operations + 22)
    assert tail.metrics() == {"decided_edges": 28.0, "decided_nodes": 8.0 - 2.0}


def test_decisions_are_made_for_the_normal_cell_and_then_for_the_reduction_cell():
    """Item 1: one of each in a round, the last one before epoch 80."""
    state, tail, counts = search(cells(2)), Perturbation(), []
    tail.harm = Watched()
    for epoch in range(81):
        tail.begin(state, epoch)
        counts.append(len(tail.memory["edges"]) + len(tail.memory["nodes"]))
    changes = [epoch for epoch in range(81) if counts[epoch] != (counts[epoch - 1] if epoch else 0)]
    assert changes == Timetable(state.structure, 5).rounds
    assert changes[-1] == 80
    assert [label.split("/")[0] for label in tail.memory["edges"]] == ["normal", "reduce"] * 14


def test_the_reduction_cell_is_measured_with_the_normal_cells_decision():
    state, watched, tail = search(cells(2)), Watched(), Perturbation()
    tail.harm = watched
    tail.begin(state, 0)
    (normal, _), before = tail.memory["edges"], watched.asked[0]
    assert 0 < before[normal][1] < 1  # a candidate removed, the other one as the softmax has it
    assert [asked[normal] for asked in watched.asked[2:]] == [[1.0, 0.0]] * 2


GAIN = [0.1, 0.4, 0.9, 0.2]


def test_the_operation_whose_loss_hurts_most_stays_whatever_alpha_says():
    """Item 2: acc(mask) = base - gain[removed operation]."""
    state = search(Structure({"edge": Choice(("a", "b", "c", "d"))}))
    with torch.no_grad():
        state.relaxation.alpha("edge").copy_(torch.tensor([5.0, 0.0, 0.0, 0.0]))

    def harm(weights: Weights) -> float:
        return -(0.95 - sum(gain for gain, weight in zip(GAIN, weights["edge"], strict=True) if weight == 0))

    select(state, Watched(harm))
    assert strongest(state) == {"edge": "c"}


def test_of_equal_operations_the_first_stays():
    """Item 2: a tie of all."""
    state = search(Structure({"edge": Choice(("a", "b", "c", "d"))}))
    select(state, Watched())
    assert strongest(state) == {"edge": "a"}


def test_a_mask_takes_one_weight_and_leaves_the_others():
    """Item 3, as the criterion sees it."""
    state, watched = search(Structure({"edge": Choice(("a", "b", "c"))})), Watched()
    with torch.no_grad():
        state.relaxation.alpha("edge").copy_(torch.tensor([0.2, 0.3, 0.5]).log())
    select(state, watched)
    expected = [[0, 0.3, 0.5], [0.2, 0, 0.5], [0.2, 0.3, 0]]
    assert [asked["edge"] for asked in watched.asked] == [pytest.approx(row, abs=1e-7) for row in expected]


def test_afterwards_every_edge_is_one_hot_or_zero():
    """Item 5: two edges for each node, in the order of their index, since all strengths are 1."""
    state = search(cells(3))
    select(state, Watched(lambda weights: float(sum(map(sum, weights.values())))))
    state.weights.refresh()
    for node in state.structure.nodes:
        rows = [state.weights[edge].tolist() for edge in node.edges]
        assert all(sorted(row) in ([0, 0, 1], [0, 0, 0]) for row in rows)
        kept = [index for index, row in enumerate(rows) if sum(row) == 1]
        assert len(kept) == 2
        (pairs,) = node.write(range(1)).keys()
        assert [index for index, _ in strongest(state)[pairs]] == kept


def one_node(count: int = 4, keep: int = 2) -> Structure:
    edges = tuple(f"normal/e{k}" for k in range(count))
    structure = Structure({edge: Choice(("a", "b")) for edge in edges})
    structure.nodes.append(Node(edges, keep, lambda pairs: {"node": pairs}))
    return structure


def node_masks(watched: Watched) -> list[list[int]]:
    """Which edges weighed nothing when the node was measured."""
    return [
        [k for k in range(4) if not any(asked[f"normal/e{k}"])]
        for asked in watched.asked
        if any(not any(row) for row in asked.values())
    ]


def test_a_node_loses_the_edge_without_which_it_is_best_and_is_measured_again():
    """Harm of a loss by edge: 3 1 2 4. The second round masks one edge alone, too, as the official code."""
    state = search(one_node())
    harms = [3.0, 1.0, 2.0, 4.0]
    watched = Watched(lambda w: sum(harms[k] for k in range(4) if not any(w[f"normal/e{k}"])))
    select(state, watched)
    assert [index for index, _ in strongest(state)["node"]] == [0, 3]
    assert node_masks(watched) == [[0], [1], [2], [3], [0], [2], [3]]


def test_of_equal_edges_the_later_goes():
    state = search(one_node())
    select(state, Watched())
    assert [index for index, _ in strongest(state)["node"]] == [0, 1]


def test_an_edge_with_a_weight_of_its_own_loses_that_too():
    """PC-DARTS passes channels by the operations: without the edge's weight they would stay."""
    state = search(one_node(), EdgeNormalised)
    watched = Watched(lambda w: -float(not any(w["normal/e0"])))  # best without the first edge
    select(state, watched)
    state.weights.refresh()
    (label,) = {label for label, _ in state.relaxation.places.values()}
    with torch.no_grad():
        beta = torch.softmax(state.relaxation.betas[0], 0)
    row = state.weights[label]
    assert row[[0, 3]].tolist() == [0, 0]
    assert torch.equal(row[[1, 2]], beta[[1, 2]])  # not normalised again
    assert [index for index, _ in strongest(state)["node"]] == [1, 2]


def none_first(nodes: bool) -> Structure:
    structure = Structure({f"normal/e{k}": Choice(("none", "skip", "conv")) for k in range(3)})
    if nodes:
        structure.nodes.append(Node(tuple(structure.choices), 2, lambda pairs: {"node": pairs}))
    return structure


def test_none_may_win_and_is_not_derived():
    """Pitfall on S3: the first other operation stands in its place."""
    state = search(none_first(nodes=True))
    select(state, Watched(lambda w: float(any(row[0] == 0 and sum(row) > 0 for row in w.values()))))
    state.weights.refresh()
    assert sorted(state.weights[f"normal/e{k}"].tolist() for k in range(3)) == [[0] * 3, [1, 0, 0], [1, 0, 0]]
    assert strongest(state)["node"] == [(0, "skip"), (1, "skip")]


def test_none_need_not_compete_where_it_is_never_derived():
    state, watched = search(none_first(nodes=True)), Watched()
    select(state, watched, none=False)
    assert len(watched.asked) == 3 * 2 + 3
    assert {operation for _, operation in strongest(state)["node"]} == {"skip"}
    state, watched = search(none_first(nodes=False)), Watched()
    select(state, watched, none=False)
    assert len(watched.asked) == 3 * 3  # without nodes it is an operation like the others
    assert set(strongest(state).values()) == {"none"}


def order_of(seed: int, structure: Structure) -> list[str]:
    state = search(structure)
    torch.manual_seed(seed)
    return select(state, Watched()).memory["edges"]


def test_edges_are_drawn_with_the_runs_seed():
    structure = cells(2)
    assert order_of(0, structure) == order_of(0, structure)
    assert order_of(0, structure) != order_of(1, structure)
    firsts = {order_of(seed, one_node())[0] for seed in range(30)}
    assert firsts == {f"normal/e{k}" for k in range(4)}
    assert sorted(order_of(2, structure)) == sorted(structure.choices)


def test_what_is_remembered_goes_on_elsewhere():
    """Half of the decisions in one process, half in another, whose generators stand elsewhere."""
    structure = cells(2)
    expected = order_of(0, structure)
    first, tail = search(structure), Perturbation()
    torch.manual_seed(0)
    tail.harm = Watched()
    for epoch in range(37):
        tail.begin(first, epoch)
    second, again = search(structure), Perturbation()
    torch.manual_seed(99)
    again.harm, again.memory = Watched(), tail.memory
    again.restore(second)
    for epoch in range(37, 81):
        again.begin(second, epoch)
    assert again.memory["edges"] == expected
    second.weights.refresh()
    assert {float(row.sum()) for row in second.weights.current.values()} == {0.0, 1.0}


def test_the_weights_begin_anew_once():
    state = search(one_node())
    optimizer = state.optimizer()
    optimizer.param_groups[0]["initial_lr"] = 0.5
    tail = Perturbation(lr_factor=0.2)
    tail.harm = Watched()
    for epoch in range(2):
        tail.begin(state, epoch)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * (epoch + 1))
        optimizer.param_groups[0]["lr"] = 0.2


class Drawn(Softmax):
    draws = True


def test_drawn_mixtures_are_refused():
    recipe = Recipe(architect=lambda state: [], relaxation=Drawn, tail=Perturbation())
    with pytest.raises(ConfigError, match=r"Perturbation \(tail\) needs a relaxation that draws nothing"):
        recipe.check()


def test_a_derivation_that_reads_no_weights_is_refused():
    with pytest.raises(ConfigError, match=r"Perturbation \(tail\) needs a derivation that reads the weights"):
        build_recipe("random-search", {"tail": "perturbation"})


def test_choices_of_several_inputs_are_refused():
    recipe = Recipe(architect=lambda state: [], tail=Perturbation())
    several = Structure({"inputs": Choice((0, 1, 2), multiple=True, n_chosen=2)})
    assert recipe.unmet(several) == ["Perturbation needs choices of one candidate each outside of nodes"]
    assert recipe.unmet(one_node()) == []


def test_wrong_options_are_sentences():
    with pytest.raises(ConfigError) as caught:
        Perturbation(interval=0, criterion="speed", lr_factor=0)
    assert caught.value.problems == (
        "method.interval: got 0; it must be 1 or more.",
        'method.criterion: got "speed"; write "accuracy" or "loss".',
        "method.lr_factor: got 0; it must be greater than 0.",
    )
