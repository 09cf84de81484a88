"""NAS-Bench-201 as an NNI space; the fixture nasbench201 checks the network's values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from nni.mutable.exception import SampleValidationError
from nni.nas.space import model_context
from torch import nn

from nni_darts.check.counting import count_parameters
from nni_darts.darts import DARTS
from nni_darts.errors import ConfigError
from nni_darts.genotype import BenchmarkCell
from nni_darts.supernet.space import read_structure
from search_spaces import BenchmarkNetwork, NasBench201Space
from search_spaces.nasbench201.skeleton import Residual

CELL = BenchmarkCell.of_code("333123")


def test_sizes_of_the_benchmarks_networks() -> None:
    """The benchmark lists 0.073306 M weights for cells without convolutions, 1.531546 M for 333333."""
    with torch.device("meta"):
        assert count_parameters(BenchmarkNetwork(BenchmarkCell.of_code("111111"))) == 73_306
        assert count_parameters(BenchmarkNetwork(BenchmarkCell.of_code("333333"))) == 1_531_546


def test_stages_are_joined_by_residual_blocks() -> None:
    space = NasBench201Space(init_channels=2, cells=2)
    assert [index for index, cell in enumerate(space.cells) if isinstance(cell, Residual)] == [2, 5]
    assert len(space.cells) == 3 * 2 + 2
    assert space.network.classifier.in_features == 8


def test_one_choice_per_edge_and_no_nodes() -> None:
    structure, node_inputs = read_structure(NasBench201Space(init_channels=2, cells=2))
    assert list(structure.choices) == list(CELL.sample)
    assert set(structure.sizes.values()) == {5}
    assert not structure.nodes
    assert not node_inputs


def test_freeze_and_model_context_give_the_same_network() -> None:
    macro: dict[str, Any] = {"init_channels": 2, "cells": 1, "num_classes": 7, "in_channels": 1}
    frozen = NasBench201Space(**macro, affine=False).freeze(CELL.sample)
    with model_context(CELL.sample):
        built = NasBench201Space(**macro)
    assert type(frozen) is type(built) is BenchmarkNetwork
    assert frozen.cell == built.cell == CELL
    built.load_state_dict(frozen.state_dict())
    x = torch.randn(2, 1, 8, 12)
    assert torch.equal(frozen.eval()(x), built.eval()(x))
    assert frozen(x).shape == (2, 7)
    norms = [module for module in frozen.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.affine and norm.track_running_stats for norm in norms)
    assert all(conv.bias is None for conv in frozen.modules() if isinstance(conv, nn.Conv2d))


def test_darts_derives_the_best_operation_of_every_edge_and_none_may_win() -> None:
    strategy = DARTS(order=1)
    model = strategy.mutate_model(NasBench201Space(init_channels=2, cells=1))
    search = strategy.configure_oneshot_module(nn.Module())
    assert model(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    with torch.no_grad():
        for label, digit in zip(CELL.sample, CELL.code, strict=True):
            search.relaxation.alpha(label).copy_(5 * torch.eye(5)[int(digit)])
        search.relaxation.alpha("cell/edge_0_1").copy_(torch.tensor([9.0, 0, 0, 1, 0]))
    assert search.export() == {**CELL.sample, "cell/edge_0_1": "none"}


def test_samples_of_another_space_are_refused() -> None:
    with pytest.raises(SampleValidationError):
        NasBench201Space(init_channels=2, cells=1).freeze({**CELL.sample, "cell/edge_0_1": "sep_conv_3x3"})


@pytest.mark.parametrize(
    ("macro", "sentence"),
    [
        ({"cells": 0, "num_classes": True}, "num_classes must be a whole number of at least 1, got True."),
        ({"cells": 0, "num_classes": True}, "cells must be a whole number of at least 1, got 0."),
        ({"image_size": (8, 6)}, "image_size 8 x 6 does not fit NAS-Bench-201"),
    ],
)
def test_wrong_arguments_are_refused(macro: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NasBench201Space(**macro)
    assert sentence in str(caught.value)


def test_odd_images_are_refused_at_the_first_batch() -> None:
    with pytest.raises(ConfigError, match="both sides must be multiples of 4"):
        NasBench201Space(init_channels=2, cells=1)(torch.randn(2, 3, 6, 8))


@pytest.mark.parametrize("supernet", ["generic", "fused"])
def test_checkpointed_cells_change_nothing(supernet: str) -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    gradients = []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        strategy = DARTS(order=1, checkpoint_cells=checkpointed, supernet=supernet)
        model = strategy.mutate_model(NasBench201Space(init_channels=2, cells=1)).double()
        search = strategy.configure_oneshot_module(nn.Module())
        search.relaxation.double()
        gradients.append(torch.autograd.grad(model(x).square().sum(), list(search.relaxation.alphas)))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
