"""Operations with a part of their channels keep everything else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_darts.supernet.narrow import NotNarrowedError, narrowed


def test_a_convolution_keeps_all_but_its_channels():
    conv = nn.Conv2d(8, 12, (3, 5), (2, 1), (1, 2), (1, 2), groups=4, bias=False, padding_mode="reflect")
    found = narrowed(conv, 4)
    assert (found.in_channels, found.out_channels, found.groups) == (2, 3, 1)
    for name in ("kernel_size", "stride", "padding", "dilation", "padding_mode"):
        assert getattr(found, name) == getattr(conv, name)
    assert found.bias is None
    assert narrowed(nn.Conv2d(4, 4, 1), 2).bias.shape == (2,)


def test_a_batch_norm_keeps_all_but_its_channels():
    norm = nn.BatchNorm2d(8, eps=1e-3, momentum=0.3, affine=False, track_running_stats=False)
    found = narrowed(norm, 2)
    assert found.num_features == 4
    for name in ("eps", "momentum", "affine", "track_running_stats"):
        assert getattr(found, name) == getattr(norm, name)


def test_what_is_inside_is_replaced_in_its_place():
    block = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8)), nn.MaxPool2d(2))
    assert narrowed(block, 2) is block
    assert block(torch.randn(2, 2, 4, 4)).shape == (2, 4, 2, 2)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.Conv2d(6, 8, 1), "it has 6 channels, which 4 does not divide"),
        (nn.Sequential(nn.PReLU()), "it has a PReLU, and only Conv2d and BatchNorm2d"),
    ],
)
def test_what_cannot_be_narrowed(module, reason):
    with pytest.raises(NotNarrowedError, match=reason):
        narrowed(module, 4)
