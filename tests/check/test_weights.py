"""Fixture names -> parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nni_darts.check import Fixture
from nni_darts.check.weights import attribute_path, grads, load_weights, parameters
from search_spaces import DartsSpace
from search_spaces.layout import Place
from search_spaces.operations import build
from search_spaces.search_cell import SearchCell

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("stem/conv", "stem.conv.weight"),
        ("stem/bn_beta", "stem.bn.bias"),
        ("stem0/bn1_gamma", "stem.stem0.bn1.weight"),
        ("cell12/pre0/conv_a", "cells.12.pre0.conv_a.weight"),
        ("cell0/edge_1_4/sep_conv_3x3/pw2", "cells.0.edges.1_4.sep_conv_3x3.pw2.weight"),
        ("cell3/op7/conv_1x7", "cells.3.ops.7.conv_1x7.weight"),
        ("bn2_mean", "bn2.running_mean"),
        ("bn_var", "bn.running_var"),
        ("cell0/edge_0_1/nor_conv_3x3/conv_bias", "cells.0.edges.0_1.nor_conv_3x3.conv.bias"),
        ("cell1/res/conv_a_bn_gamma", "cells.1.conv_a.bn.weight"),
        ("cell1/res/conv_b_conv", "cells.1.conv_b.conv.weight"),
        ("cell1/res/downsample_conv", "cells.1.downsample.conv.weight"),
        ("classifier/weight", "classifier.weight"),
        ("aux/classifier_bias", "aux.classifier.bias"),
    ],
)
def test_attribute_paths(name: str, path: str) -> None:
    assert attribute_path(name) == path


def test_a_search_network_takes_every_weight() -> None:
    fixture = Fixture.load(FIXTURES / "cnn_network_A.npz")
    space = DartsSpace(init_channels=4, layers=5)
    loaded = load_weights(space, fixture)
    assert set(loaded) == set(fixture.strings("param_names"))
    assert sum(item.numel() for item in loaded.values()) == fixture.number("num_params")
    edge = space.cells[2].edges["0_3"]["sep_conv_5x5"]
    assert torch.equal(edge.pw1.weight, fixture["w/cell2/edge_0_3/sep_conv_5x5/pw1"])
    assert edge.pw1.weight.dtype == torch.float64


@pytest.mark.parametrize(
    ("case", "place"),
    [
        ("normal_after_normal", Place("normal", 4, 16, 16, False, False)),
        ("normal_after_reduction", Place("normal", 4, 8, 16, False, True)),
        ("reduction_after_normal", Place("reduce", 4, 8, 8, True, False)),
        ("reduction_after_reduction", Place("reduce", 4, 4, 8, True, True)),
    ],
)
def test_a_search_cell_takes_every_weight(case: str, place: Place) -> None:
    fixture = Fixture.load(FIXTURES / "cnn_cells_A.npz").under(case)
    cell = SearchCell(place)
    load_weights(cell, fixture)
    assert cell(fixture["s0"], fixture["s1"]).shape == fixture["out"].shape


def _fixture(**arrays: object) -> Fixture:
    return Fixture({f"w/{name}": np.asarray(array, dtype=np.float16) for name, array in arrays.items()})


def test_missing_weights_and_wrong_shapes_are_refused() -> None:
    conv = build("dil_conv_3x3", 2, 1, affine=False, search=True)
    with pytest.raises(ValueError, match=r"no weights for pw\.weight \(1 in all\)"):
        load_weights(conv, _fixture(dw=np.zeros((2, 1, 3, 3))))
    with pytest.raises(ValueError, match="pw: the module has"):
        load_weights(conv, _fixture(dw=np.zeros((2, 1, 3, 3)), pw=np.zeros((2, 1, 1, 1))))
    with pytest.raises(AttributeError):
        load_weights(conv, _fixture(dw9=np.zeros(1)))


def test_gradients_by_name_are_zero_where_nothing_arrived() -> None:
    conv = build("dil_conv_3x3", 2, 1, affine=False, search=True)
    named = parameters(conv, ["pw", "dw"])
    named["dw"].grad = torch.ones_like(named["dw"])
    found = grads(conv, ["pw", "dw"])
    assert list(found) == ["pw", "dw"]
    assert not found["pw"].any()
    assert found["dw"].all()
