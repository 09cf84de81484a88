"""The operations: shapes and forms; tests/check compares their values with the reference fixtures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.genotype import OPERATION_NAMES, PRIMITIVES
from search_spaces.operations import OPERATIONS, FactorizedReduce, Identity, build


def _norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [item for item in module.modules() if isinstance(item, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", OPERATION_NAMES)
@pytest.mark.parametrize("stride", [1, 2])
def test_channels_stay_and_the_stride_halves(name: str, stride: int) -> None:
    x = torch.randn(2, 6, 8, 4)
    before = x.clone()
    for search in (True, False):
        out = build(name, 6, stride, affine=not search, search=search)(x)
        assert out.shape == (2, 6, 8 // stride, 4 // stride)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_batch_norms_of_the_supernet_are_not_affine_and_follow_pools(name: str) -> None:
    search = _norms(build(name, 4, 2, affine=False, search=True))
    discrete = _norms(build(name, 4, 2, affine=True, search=False))
    assert not any(norm.affine for norm in search)
    assert all(norm.affine for norm in discrete)
    pool = name.endswith("pool_3x3")
    assert len(search) == len(discrete) + pool
    assert not (pool and discrete)


def test_convolutions_have_no_bias() -> None:
    modules = [build(name, 4, 2, affine=False, search=True) for name in OPERATIONS]
    convolutions = [item for module in modules for item in module.modules() if isinstance(item, nn.Conv2d)]
    assert all(item.bias is None for item in convolutions)


def test_skip_is_the_identity_only_at_stride_1() -> None:
    assert isinstance(build("skip_connect", 4, 1, affine=False, search=True), Identity)
    assert isinstance(build("skip_connect", 4, 2, affine=False, search=True), FactorizedReduce)


def test_none_gives_zeros_and_a_zero_gradient() -> None:
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    out = build("none", 2, 2, affine=False, search=True)(x)
    out.sum().backward()
    assert not out.any()
    assert x.grad is not None
    assert not x.grad.any()


@pytest.mark.parametrize("shape", [(1, 4, 7, 8), (1, 4, 8, 7)])
def test_factorised_reduction_refuses_odd_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="needs an even height and width, but its input is"):
        FactorizedReduce(4, 4, affine=True)(torch.zeros(shape))


def test_factorised_reduction_to_an_odd_number_of_channels() -> None:
    assert FactorizedReduce(4, 5, affine=True)(torch.zeros(2, 4, 4, 4)).shape == (2, 5, 2, 2)


def test_unknown_operation_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="'sep_conv_3x4' is unknown; did you mean 'sep_conv_3x3'"):
        build("sep_conv_3x4", 4, 1, affine=False, search=True)


@pytest.mark.parametrize("stride", [1, 2])
def test_noise_takes_nothing_of_its_input_but_the_shape(stride: int) -> None:
    """Card r-darts: fresh N(0, 1) of the strided shape, no gradient to the input, in evaluation too."""
    noise = build("noise", 4, stride, affine=True, search=False).eval()
    x = torch.full((8, 4, 33, 33), 1e6, requires_grad=True)
    first, second = noise(x), noise(x)
    side = 33 if stride == 1 else 17
    assert first.shape == (8, 4, side, side)
    assert not first.requires_grad
    assert not torch.equal(first, second)
    assert abs(float(first.mean())) < 0.05
    assert abs(float(first.std()) - 1) < 0.05
