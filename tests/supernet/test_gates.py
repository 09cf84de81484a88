"""Weights that are decided, in forwards, gradients, and derivations."""

from __future__ import annotations

import pytest
import torch
from nni.nas.nn.pytorch import Cell, LayerChoice, ModelSpace
from torch import Tensor, nn

from nni_darts.darts import DARTS
from nni_darts.parts.derivation import rank_edges
from nni_darts.parts.relaxation import Softmax
from nni_darts.supernet.gates import Gates
from nni_darts.supernet.structure import Choice, Node
from nni_darts.supernet.weights import MixtureWeights
from nni_darts.training.classifier import Classifier


def weights(*rows: list[float]) -> dict[str, Tensor]:
    return {f"e{k}": torch.tensor(row, dtype=torch.float64) for k, row in enumerate(rows)}


def test_masked_weights_are_not_normalised_again():
    """Card darts-pt, "How a test proves it", item 3."""
    gates = Gates()
    with gates.trying({"e0": (None, None, 0.0)}):
        assert gates(weights([0.2, 0.3, 0.5]))["e0"].tolist() == [0.2, 0.3, 0.0]
    assert gates(weights([0.2, 0.3, 0.5]))["e0"].tolist() == [0.2, 0.3, 0.5]


def test_gradients_of_decided_and_undecided_rows():
    """Card darts-pt, item 4."""
    relaxation = Softmax({"e0": 3, "e1": 3}).double()
    with torch.no_grad():
        relaxation.alpha("e0").copy_(torch.tensor([0.3, -0.1, 0.2]))
        relaxation.alpha("e1").copy_(torch.tensor([0.1, 0.0, -0.4], dtype=torch.float64))
    mixture = MixtureWeights()
    mixture.connect(relaxation)
    mixture.gates.fix({"e0": (0.0, 1.0, 0.0)})
    mixture.refresh()
    c = weights([1, 2, 5], [3, 1, 2])
    sum((c[label] * mixture[label]).sum() for label in c).backward()
    assert relaxation.alpha("e0").grad.tolist() == [0, 0, 0]
    expected = [0.3831008615264872, -0.37394923609010183, -0.009151625436385352]
    assert relaxation.alpha("e1").grad.tolist() == pytest.approx(expected, abs=1e-15)


def test_replaced_weights_keep_decisions_where_they_are_asked_to():
    """SDARTS perturbs mixtures, and a decided edge stays decided; a sample is measured as it is."""
    mixture = MixtureWeights()
    mixture.gates.fix({"e0": (0.0, 1.0)})
    found = weights([0.7, 0.3], [0.6, 0.4])
    with mixture.replaced(found, keep_decisions=True):
        mixture.refresh()
        assert (mixture["e0"].tolist(), mixture["e1"].tolist()) == ([0.0, 1.0], [0.6, 0.4])
        with mixture.gates.trying({"e0": (0.0, 0.0)}):
            mixture.refresh()
            assert mixture["e0"].tolist() == [0.0, 0.0]
    with mixture.replaced(found):
        mixture.refresh()
        assert mixture.open("e0", "ab") == ("ab", found["e0"])
    mixture.connect(lambda: found)
    mixture.refresh()
    assert mixture["e0"].tolist() == [0.0, 1.0]


def test_without_a_decision_weights_are_the_very_same():
    found = weights([0.2, 0.8])
    assert Gates()(found) is found


def test_removed_edges_come_after_an_edge_that_none_won():
    """Card darts-pt, pitfall on S3: the edge stays, with its first operation that is not none."""
    choice = Choice(("none", "skip_connect", "sep_conv_3x3"))
    node = Node(("a", "b", "c"), 2, lambda pairs: {})
    rows = {"a": [0.0, 0.0, 0.0], "b": [1.0, 0.0, 0.0], "c": [0.0, 0.0, 1.0]}
    found = rank_edges(node, {k: torch.tensor(v) for k, v in rows.items()}, dict.fromkeys(rows, choice))
    assert found == [(2, "sep_conv_3x3"), (1, "skip_connect")]


class Counted(nn.Module):
    """x times a number; counts its calls."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.calls = factor, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.factor * x


class Two(ModelSpace):
    """A choice and NNI's Cell."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = LayerChoice({str(k): Counted(k) for k in range(1, 4)}, label="choice")
        factories = {str(k): (lambda *_, k=k: Counted(k)) for k in range(1, 4)}
        self.cell = Cell(factories, num_nodes=1, num_ops_per_node=1, num_predecessors=1, label="cell")

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(self.choice(x))


@pytest.mark.parametrize(
    ("row", "calls"), [((0.0, 1.0, 0.0), [0, 1, 0]), ((None, 0.0, None), [1, 0, 1]), ((0.0,) * 3, [1, 0, 0])]
)
def test_candidates_of_weight_zero_are_not_computed(row, calls):
    """All of them for an edge that was removed, but one, which gives the zeros their shape."""
    strategy = DARTS(order=1, supernet="generic")
    space = strategy.mutate_model(Two())
    module = strategy.configure_oneshot_module(Classifier(epochs=1))
    module.set_model(space)
    mixture = module.state.weights
    labels = list(module.state.structure.choices)
    mixture.gates.fix(dict.fromkeys(labels, row))
    out = space(torch.ones(2, 3))
    factors = [float((mixture[label] * torch.tensor([1.0, 2.0, 3.0])).sum()) for label in labels]
    assert torch.allclose(out, torch.full((2, 3), factors[0] * factors[1]))
    for part in (space.choice, space.cell):
        assert [candidate.calls for candidate in part.modules() if isinstance(candidate, Counted)] == calls
