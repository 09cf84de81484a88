"""Mutate, set alphas by hand, compare forward and export with the closed form."""

from __future__ import annotations

import math

import nni
import pytest
import torch
from nni.nas.nn.pytorch import Cell, InputChoice, MutableConv2d, MutableLinear, Repeat

from tests.supernet.spaces import One, Scale, layers, supernet

LN = math.log
ONE = torch.ones(1, dtype=torch.float64)


def test_a_layer_choice_is_the_weighted_sum():
    model, search = supernet(One(lambda: layers("l", 1, 10, 100)), {"l": [LN(1), LN(2), LN(5)]})
    assert model(ONE).item() == pytest.approx((1 * 1 + 2 * 10 + 5 * 100) / 8, rel=1e-14)
    assert search.export() == {"l": "k2"}
    assert search.export_probs()["l"]["k1"] == pytest.approx(0.25)


def test_choices_of_one_label_share_their_alpha():
    class Twice(One):
        def __init__(self):
            super().__init__(lambda: layers("same", 1, 2))
            self.second = layers("same", 3, 5)

        def forward(self, x):
            return self.second(self.inner(x))

    model, search = supernet(Twice(), {"same": [LN(3), LN(1)]})
    assert len(search.state.outer_parameters) == 1
    assert model(ONE).item() == pytest.approx((0.75 * 1 + 0.25 * 2) * (0.75 * 3 + 0.25 * 5), rel=1e-14)


@pytest.mark.parametrize(
    ("reduction", "n_chosen", "factor"), [("mean", 2, 1), ("sum", 2, 2), ("sum", 1, 1), ("mean", None, 1)]
)
def test_an_input_choice_keeps_the_scale_of_its_reduction(reduction, n_chosen, factor):
    space = One(lambda: InputChoice(3, n_chosen, reduction, label="i"))
    model, search = supernet(space, {"i": [LN(1), LN(2), LN(1)]})
    mixed = model([ONE, 10 * ONE, 100 * ONE]).item()
    assert mixed == pytest.approx(factor * (1 + 20 + 100) / 4, rel=1e-14)
    expected = [1] if n_chosen in (1, None) else [0, 1]
    assert search.export() == {"i": expected}


def test_a_repeat_mixes_its_depths_from_none_to_all():
    space = One(lambda: Repeat(lambda index: Scale(10.0), (0, 2), label="d"))
    model, search = supernet(space, {"d": [LN(1), LN(2), LN(5)]})
    assert model(ONE).item() == pytest.approx((1 * 1 + 2 * 10 + 5 * 100) / 8, rel=1e-14)
    assert search.export() == {"d": 2}


def test_a_repeat_over_an_expression_of_choices():
    space = One(lambda: Repeat(lambda index: Scale(10.0), nni.choice("d", [1, 2]) + 1))
    model, _ = supernet(space, {"d": [LN(1), LN(3)]})
    assert model(ONE).item() == pytest.approx(0.25 * 100 + 0.75 * 1000, rel=1e-14)


def cell(**options):
    candidates = {"x2": lambda *_: Scale(2.0), "x3": lambda *_: Scale(3.0)}
    return One(lambda: Cell(candidates, num_nodes=2, num_predecessors=2, label="c", concat_dim=0, **options))


ALPHAS = {
    "c/edge_0_2": [LN(1), LN(1)],
    "c/edge_1_2": [LN(3), LN(1)],
    "c/edge_0_3": [LN(1), LN(4)],
    "c/edge_1_3": [LN(1), LN(1)],
    "c/edge_2_3": [LN(1), LN(9)],
}


def test_a_cell_sums_all_edges_and_has_exactly_its_candidates():
    model, search = supernet(cell(), ALPHAS)
    first = 2.5 * 1 + 2.25 * 10
    second = 2.8 * 1 + 2.5 * 10 + 2.9 * first
    assert model([ONE, 10 * ONE]).tolist() == pytest.approx([first, second], rel=1e-14)
    assert set(search.relaxation.labels) == set(ALPHAS)


def test_a_cell_derives_its_strongest_edges_under_nnis_labels():
    _, search = supernet(cell(num_ops_per_node=2), ALPHAS)
    assert search.export() == {
        "c/op_2_0": "x2",
        "c/input_2_0": [1],
        "c/op_2_1": "x2",
        "c/input_2_1": [0],
        "c/op_3_0": "x3",
        "c/input_3_0": [2],
        "c/op_3_1": "x3",
        "c/input_3_1": [0],
    }


@pytest.mark.parametrize("merge_op", ["all", "loose_end"])
def test_a_frozen_cell_has_the_chosen_operations_with_their_weights(merge_op):
    model, search = supernet(cell(merge_op=merge_op), ALPHAS)
    sample = search.export()
    frozen = model.freeze(sample)
    fresh = cell(merge_op=merge_op).freeze(sample)
    expected = [20.0, 60.0] if merge_op == "all" else [60.0]
    assert frozen([ONE, 10 * ONE]).tolist() == fresh([ONE, 10 * ONE]).tolist() == expected


def test_a_width_choice_is_mixed_inside_one_kernel():
    class Widths(One):
        def __init__(self):
            width = nni.choice("w", [1, 2])
            super().__init__(lambda: MutableConv2d(1, width, 1, bias=False))
            self.out = MutableConv2d(width, 1, 1, bias=False)

        def forward(self, x):
            return self.out(self.inner(x))

    model, search = supernet(Widths(), {"w": [LN(3), LN(1)]})
    model.double()
    with torch.no_grad():
        model.inner.weight.copy_(torch.tensor([2.0, 5.0]).view(2, 1, 1, 1))
        model.out.weight.copy_(torch.tensor([7.0, 11.0]).view(1, 2, 1, 1))
    # The second channel exists with probability 1/4, on both sides.
    expected = 2 * 7 + (5 * 0.25) * (11 * 0.25)
    assert model(ONE.view(1, 1, 1, 1)).item() == pytest.approx(expected, rel=1e-12)
    assert search.export() == {"w": 1}


def test_the_mixture_follows_its_alphas_and_can_be_held_fixed():
    model, search = supernet(One(lambda: layers("l", 1, 10)))
    model(ONE).backward()
    assert search.relaxation.alpha("l").grad.abs().sum() > 0
    with search.state.weights.held_fixed():
        output = model(ONE)
    assert torch.autograd.grad(output, search.state.outer_parameters, allow_unused=True) == (None,)


def test_linear_layers_with_choices_are_mixed_too():
    space = One(lambda: MutableLinear(2, nni.choice("out", [1, 3])))
    model, search = supernet(space)
    assert model.double()(torch.ones(1, 2, dtype=torch.float64)).shape == (1, 3)
    assert search.relaxation.labels == ["out"]
