"""Card beta-darts, "How a test proves it", items 1 to 4; the tables of the original's own function."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nni_darts.capture.parts import is_capturable
from nni_darts.check.fixture import Fixture
from nni_darts.parts.ramp import Linear
from nni_darts.parts.regulariser import LogSumExp, Weighted
from nni_darts.parts.relaxation import Softmax
from nni_darts.supernet.structure import Choice, Structure
from tests.toy import Bilevel, state_of


def state_with(rows: Mapping[str, Sequence[float]]):
    relaxation = Softmax({label: len(row) for label, row in rows.items()}).double()
    with torch.no_grad():
        for label, row in rows.items():
            relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    structure = Structure({label: Choice(tuple(range(len(row)))) for label, row in rows.items()})
    module = Bilevel(1.0, relaxation.alphas[0], {"val": lambda w, a: 0 * w, "train": lambda w, a: w})
    return state_of(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure)


def term(rows: Mapping[str, Sequence[float]], **options: bool) -> tuple[Tensor, list[Tensor]]:
    state = state_with(rows)
    value = LogSumExp(**options)(state)
    return value.detach(), state.gradient(value, state.outer_parameters)


CLOSED_FORMS = Path(__file__).parents[1] / "fixtures" / "closed_forms.npz"
CARD = {"cell/a": [0.1, -0.2, 0.3], "cell/b": [1.0, 0.0, -1.0]}


def test_value_and_gradient_of_the_card():
    """Item 1: a decay of squares, or a sum over the edges, gives other numbers."""
    value, gradients = term(CARD)
    assert abs(value - 1.2967726411) < 1e-10
    want = [[0.1687922689, 0.1250443883, 0.2061633428], [0.3326204779, 0.1223642355, 0.0450152866]]
    assert torch.allclose(torch.stack(gradients), torch.tensor(want).double(), rtol=0, atol=2e-8)
    softmax = torch.stack([torch.tensor(row, dtype=torch.float64).softmax(0) for row in CARD.values()])
    assert torch.allclose(torch.stack(gradients), softmax / 2, rtol=0, atol=1e-15)


@pytest.mark.parametrize("table", ["nb201", "cell", "normal_and_reduce"])
@pytest.mark.parametrize("scale", ["unit", "init"])
def test_the_tables_of_the_original(table: str, scale: str):
    case = Fixture.load(CLOSED_FORMS).under(f"beta_decay/{table}_{scale}")
    types = ("normal", "reduce") if table == "normal_and_reduce" else ("cell",)
    rows = len(case["alpha"]) // len(types)
    labels = [f"{kind}/{row}" for kind in types for row in range(rows)]
    value, gradients = term(dict(zip(labels, case["alpha"].tolist(), strict=True)), by_type=False)
    assert abs(value - case["loss"]) < 1e-12
    assert torch.allclose(torch.stack(gradients), case["d_alpha"], rtol=1e-12, atol=0)


def test_the_strength_of_the_original_in_every_epoch():
    want = Fixture.load(CLOSED_FORMS)["beta_decay/weight_at_epoch"]
    state = state_with(CARD)
    for epoch, strength in enumerate(want.tolist()):
        state.clock.fill_(epoch)
        assert abs(Linear(0.0, 50.0, 100)(state).item() - strength) < 1e-13


@pytest.mark.parametrize("operations", [5, 8])
def test_at_zero_it_is_the_logarithm_of_the_number_of_operations(operations: int):
    """Item 2."""
    value, _ = term({f"cell/{k}": [0.0] * operations for k in range(3)})
    assert abs(value - math.log(operations)) < 1e-15


def test_a_pure_step_shrinks_the_spread_and_keeps_the_order():
    """Item 3: one row, step 0.5; beta_o falls by the factor exp(-0.5 beta_o) before it is normalised."""
    row = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)
    _, (gradient,) = term({"e": row.tolist()})
    after = (row - 0.5 * gradient).softmax(0)
    assert after.tolist() == pytest.approx([0.6118474682, 0.2777549524, 0.1103975794], abs=1e-10)
    ratios = after / row.softmax(0)
    assert ratios.tolist() == pytest.approx([0.9197, 1.1350, 1.2262], abs=1e-4)


def test_it_follows_the_common_level_which_no_mixture_sees():
    """Item 4."""
    value, _ = term(CARD)
    shifted, _ = term({label: [alpha + 0.75 for alpha in row] for label, row in CARD.items()})
    assert abs(shifted - value - 0.75) < 1e-14


def test_types_of_cells_have_means_of_their_own_unless_all_are_taken_together():
    rows = {"normal/a": [1.0, 0.0], "reduce/a": [0.0, 0.0, 0.0], "reduce/b": [2.0, 2.0], "loose": [0.0]}
    normal, reduce = math.log(math.e + 1), (math.log(3) + 2 + math.log(2)) / 2
    value, gradients = term(rows)
    assert abs(value - (normal + reduce + 0)) < 1e-14
    assert gradients[1].tolist() == pytest.approx([1 / 6] * 3)
    together, gradients = term(rows, by_type=False)
    assert abs(together - (normal + 2 * reduce) / 4) < 1e-14
    assert gradients[1].tolist() == pytest.approx([1 / 12] * 3)


def test_the_strength_is_a_factor_that_is_read_on_the_device():
    state = state_with(CARD)
    weighted = Weighted(LogSumExp(), Linear(0.0, 50.0, 100))
    for epoch, strength in ((0, 0.0), (1, 0.5), (49, 24.5), (99, 49.5)):
        state.clock.fill_(epoch)
        assert abs(weighted(state) - strength * 1.2967726411) < 1e-7
    assert is_capturable(weighted)
    assert not is_capturable(Weighted(lambda state: state.clock, Linear(0.0, 1.0)))
    state.relaxation.float()
    assert weighted(state).dtype == torch.float32
