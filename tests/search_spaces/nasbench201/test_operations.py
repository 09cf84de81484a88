"""The operations of NAS-Bench-201; the fixture nasbench201 checks their values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.genotype.nasbench201 import OPERATIONS
from search_spaces.nasbench201.operations import Norms, build


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("affine", [False, True])
def test_shape_is_kept_and_biases_stand_in_for_weights_of_norms(name: str, affine: bool) -> None:
    operation = build(name, 4, Norms(affine=affine))
    assert operation(torch.randn(2, 4, 5, 7)).shape == (2, 4, 5, 7)
    convolutions = [module for module in operation.modules() if isinstance(module, nn.Conv2d)]
    assert all((conv.bias is None) == affine for conv in convolutions)
    norms = [module for module in operation.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.affine == affine for norm in norms)
    assert len(norms) == len(convolutions) == name.startswith("nor_conv")


def test_the_pools_norm_and_running_statistics_are_options() -> None:
    x = torch.randn(8, 4, 6, 6)
    plain = build("avg_pool_3x3", 4, Norms())(x)
    normed = build("avg_pool_3x3", 4, Norms(pool_norm=True))(x)
    torch.testing.assert_close(normed, nn.functional.batch_norm(plain, None, None, training=True))
    untracked = build("nor_conv_3x3", 4, Norms(track_running_stats=False))
    assert untracked.bn.running_mean is None
    assert torch.equal(untracked(x), untracked.eval()(x))


def test_padded_positions_of_the_pool_are_not_counted() -> None:
    assert torch.equal(build("avg_pool_3x3", 1, Norms())(torch.ones(1, 1, 3, 3)), torch.ones(1, 1, 3, 3))


def test_an_operation_of_another_space_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="The operation 'max_pool_3x3' is unknown; did you mean 'avg_pool_3x3'"
    ):
        build("max_pool_3x3", 4, Norms())
