"""Card fair-darts, "How a test proves it", items 1 to 4 and 6, and the official code's recorded gradients.

Item 5, the weights of the published cells, is in tests/search_spaces/test_discrete.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nni_darts.check.fixture import Fixture
from nni_darts.check.supernet import edges, set_alphas, supernet, table
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, genotype_of
from nni_darts.methods.fair_darts import ZeroOne, fair_darts
from nni_darts.parts.derivation import strongest
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.parts.relaxation import Softmax
from nni_darts.parts.sigmoid import Sigmoid
from nni_darts.recipe import build_recipe
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.structure import Choice, Structure
from search_spaces import DartsSpace
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.toy import state_of as toy_state

WITHOUT_NONE = PRIMITIVES[1:]
FIXTURE = Fixture.load(Path(__file__).parents[1] / "fixtures" / "closed_forms.npz").under("zero_one")


def gates(rows: dict[str, list[float]], names: tuple[str, ...] = ("a", "b", "c")) -> SearchState:
    """A state with these alphas."""
    structure = Structure({label: Choice(names) for label in rows})
    relaxation: Any = Sigmoid(structure.sizes).double()
    with torch.no_grad():
        for label, row in rows.items():
            relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    module = torch.nn.Linear(1, 1)
    return toy_state(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure)


@pytest.mark.parametrize(
    ("loss", "value", "gradient"),
    [
        ("l2", -0.0661314938, [0.0, -0.0302859159, 0.0266541671]),
        ("l1", -0.2039518855, [0.0, -0.0655373111, 0.0349978618]),
    ],
)
@pytest.mark.parametrize("with_none", [False, True])
def test_item_1_the_zero_one_loss(loss, value, gradient, with_none):
    """A gate of ``none`` is no gate: with it the mean would be over four."""
    row, names = [0.0, 1.0, -2.0], ("a", "b", "c")
    if with_none:
        row, names = [0.0, 3.0, 1.0, -2.0], ("a", "none", "b", "c")
        gradient = [gradient[0], 0.0, *gradient[1:]]
    state = gates({"e": row}, names)
    found = ZeroOne(1.0, loss)(state)
    found.backward()
    assert found.item() == pytest.approx(value, abs=1e-10)
    assert state.relaxation.alpha("e").grad.tolist() == pytest.approx(gradient, abs=1e-10)


@pytest.mark.parametrize("case", ["unit", "init_zero", "wide"])
@pytest.mark.parametrize("loss", ["l2", "l1"])
def test_what_the_official_code_computes(case, loss):
    """Both tables of a search without ``none`` in one mean of 196 gates."""
    recorded = FIXTURE.under(f"{case}_{loss}")
    strategy = DifferentiableStrategy(fair_darts(loss=loss, threshold=0))
    search = supernet(DartsSpace(2, layers=3, primitives=WITHOUT_NONE), strategy=strategy)
    for kind in ("normal", "reduce"):
        set_alphas(search, kind, recorded[f"alpha_{kind}"])
    (regulariser,) = search.recipe.outer_regularisers
    found = regulariser(search.state)
    assert found.item() == pytest.approx(10 * recorded.number("zero_one"), abs=1e-12)
    assert found.item() + recorded.number("ce") == pytest.approx(recorded.number("total"), abs=1e-12)
    found.backward()
    gradients = [alpha.grad for alpha in search.relaxation.alphas]
    for kind in ("normal", "reduce"):
        assert torch.allclose(
            table(search, kind, gradients), recorded[f"d_alpha_{kind}"], rtol=1e-12, atol=1e-16
        )


def test_item_2_gates_are_independent_and_begin_at_one_half():
    relaxation = Sigmoid({"wide": 7, "narrow": 2}).double()
    weights = relaxation()
    assert weights["wide"].tolist() == [0.5] * 7
    assert weights["wide"].sum().item() == 3.5
    assert all(not alpha.any() for alpha in relaxation.alphas)
    with torch.no_grad():
        relaxation.alpha("wide").normal_()
    jacobian = torch.stack(
        [torch.autograd.grad(w, relaxation.alpha("wide"), retain_graph=True)[0] for w in relaxation()["wide"]]
    )
    assert torch.equal(jacobian, torch.diag(jacobian.diagonal()))
    assert jacobian.diagonal().min() > 0


def test_item_3_at_zero_alphas_stay():
    state = gates({f"e{k}": [0.0] * 7 for k in range(28)}, WITHOUT_NONE)
    optimizer = OuterOptimiser(3e-3, (0.9, 0.999), 1e-3)(state.outer_parameters)
    for _ in range(5):
        optimizer.zero_grad()
        ZeroOne(10.0, "l2")(state).backward()
        optimizer.step()
    assert all(not alpha.any() for alpha in state.outer_parameters)


def test_item_3_the_gradient_at_the_threshold():
    rows = {f"e{k}": [0.0] * 7 for k in range(28)}
    rows["e0"][0] = 1.734601  # the logit of 0.85
    state = gates(rows, WITHOUT_NONE)
    ZeroOne(10.0, "l2")(state).backward()
    assert state.relaxation.alpha("e0").grad[0].item() == pytest.approx(-0.0045535714, abs=1e-9)


def derived(rows: dict[str, float], **options: Any):
    """The reduction cell of one node, each edge's strongest gate (a sep_conv_3x3) given."""
    search = supernet(tiny_space(), strategy=DifferentiableStrategy(fair_darts(**options)))
    with torch.no_grad():
        for edge, gate in rows.items():
            alpha = search.relaxation.alpha(f"reduce/{edge}")
            alpha.fill_(-9.0)
            alpha[4] = torch.logit(torch.tensor(gate, dtype=torch.float64))
            alpha[0] = 9.0  # none never wins
    return list(genotype_of(search.export()).reduce)


@pytest.mark.parametrize(
    ("first", "second", "cell"),
    [
        (0.90, 0.84, [("sep_conv_3x3", 0), ("none", 1)]),
        (0.86, 0.95, [("sep_conv_3x3", 1), ("sep_conv_3x3", 0)]),
        (0.85, 0.10, [("sep_conv_3x3", 0), ("none", 1)]),
        (0.80, 0.84, [("none", 1), ("none", 0)]),
    ],
)
def test_item_4_edges_below_the_threshold_are_none(first, second, cell):
    # Half a rounding error above the logit, so that 0.85 itself reaches the threshold.
    rows = {"edge_0_2": first + 1e-12, "edge_1_2": second}
    assert derived(rows) == cell
    assert {name for name, _ in derived(rows, threshold=0)} == {"sep_conv_3x3"}


def test_item_4_a_node_without_a_gate_vanishes_from_the_network():
    search = supernet(tiny_space(nodes=2), strategy=DifferentiableStrategy(fair_darts()))
    with torch.no_grad():
        for label in search.state.structure.choices:
            search.relaxation.alpha(label).fill_(-9.0)
        search.relaxation.alpha("reduce/edge_1_3")[4] = 9.0
    network = tiny_space(nodes=2).freeze(search.export())
    assert network.cells[0].concat == (3,)
    assert network.classifier.in_features == 2 * 2  # the channels of a reduction, of one node


def test_an_empty_cell_is_said_at_the_end(caplog):
    derived({"edge_0_2": 0.80, "edge_1_2": 0.84})
    assert "No gate of the cell reduce reaches 0.85: it is empty" in caplog.text
    caplog.clear()
    derived({"edge_0_2": 0.90, "edge_1_2": 0.84})
    assert caplog.text == ""


def test_item_6_with_a_softmax_and_without_the_loss_it_is_darts():
    parent = searched(build_recipe("darts", order=1), tiny_space(WITHOUT_NONE))
    recipe = fair_darts(weight=0, threshold=0).but(relaxation=Softmax)
    assert is_equal(state_of(searched(recipe, tiny_space(WITHOUT_NONE))), state_of(parent))
    fair = fair_darts(weight=0, threshold=0)
    assert not is_equal(state_of(searched(fair, tiny_space(WITHOUT_NONE))), state_of(parent))
    assert fair.derivation is strongest


def test_offering_none_changes_nothing_but_the_derivation():
    spaces = [tiny_space(names) for names in (WITHOUT_NONE, PRIMITIVES)]
    plain, more = (
        searched(fair_darts(threshold=0), space).oneshot_module.relaxation.alphas for space in spaces
    )
    for without, with_none in zip(plain, more, strict=True):
        assert without.abs().max() > 0.03
        assert torch.allclose(with_none[1:], without, atol=1e-6)
        assert with_none[0] == 0


@pytest.mark.parametrize("weight", [0.0, 1000.0])
def test_the_loss_reaches_the_architecture_step(weight):
    """From where its gradient pushes a gate up, against the objective's."""
    search = searched(fair_darts(weight=weight), tiny_space(), epochs=1).oneshot_module
    assert len(search.recipe.outer_regularisers) == (weight > 0)
    assert len(edges("reduce", nodes=1)) == len(search.relaxation.alphas) == 2
    state = search.state
    with torch.no_grad():
        for alpha in search.relaxation.alphas:
            alpha.fill_(1.0)
    gradient = torch.cat(search.recipe.architect(state))
    assert bool((gradient[1:8] < -1).all()) == (weight > 0)


def test_it_is_fused_like_darts():
    strategy = DifferentiableStrategy(fair_darts(), supernet="fused")
    strategy.mutate_model(DartsSpace(4, layers=3, nodes=2))
    assert strategy.unfused == []


def test_a_threshold_needs_none_in_the_space():
    with pytest.raises(ConfigError, match='Reaching needs the operation "none"'):
        DifferentiableStrategy(fair_darts()).mutate_model(tiny_space(WITHOUT_NONE))
    DifferentiableStrategy(fair_darts(threshold=0)).mutate_model(tiny_space(WITHOUT_NONE))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weight": -1.0}, "method.weight: got -1.0"),
        ({"loss": "l3"}, 'method.loss: got "l3"; write l2 or l1'),
        ({"threshold": 1.0}, "method.threshold: got 1.0"),
        ({"order": 2}, "FairDARTS is defined for order 1"),
    ],
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        fair_darts(**options)
