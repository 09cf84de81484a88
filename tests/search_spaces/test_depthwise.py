"""The CPU's own gradients of the depthwise convolution are those of PyTorch, once and twice."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from search_spaces.depthwise import depthwise

CASES = [
    # channels, kernel, stride, padding, dilation
    (3, (3, 3), 1, (1, 1), 1),
    (8, (5, 5), 1, (2, 2), 1),
    (16, (5, 5), 1, (4, 4), 2),
    (16, (3, 3), 1, (2, 2), 2),
    (24, (3, 3), 2, (2, 2), 2),
    (32, (5, 5), 2, (2, 2), 1),
    (5, (7, 7), 1, (3, 3), 1),
    (8, (1, 5), 1, (0, 2), 1),
    (8, (3, 3), 1, (3, 3), 1),  # more padding than the flipped filter can have
]


@pytest.mark.parametrize(("channels", "kernel", "stride", "padding", "dilation"), CASES)
def test_gradients_are_pytorchs(channels, kernel, stride, padding, dilation):
    torch.manual_seed(0)
    x = torch.randn(2, channels, 6, 6, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(channels, 1, *kernel, dtype=torch.float64)
    geometry = (stride, stride), padding, (dilation, dilation)
    found = []
    for convolve in (
        lambda x, w: functional.conv2d(x, w, None, *geometry, groups=channels),
        lambda x, w: depthwise(x, w, *geometry),
    ):
        inputs = x.clone().requires_grad_(), weight.clone().requires_grad_()
        out = convolve(*inputs)
        gradients = torch.autograd.grad((out * out.detach().sin()).sum(), inputs)
        found.append([out, *gradients])
    for want, got in zip(*found, strict=True):
        assert got.shape == want.shape
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1)])
def test_numeric_gradients_of_both_orders(stride, dilation):
    torch.manual_seed(0)
    x = torch.randn(1, 8, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, 1, 3, 3, dtype=torch.float64, requires_grad=True)

    def convolve(x, weight):
        return depthwise(x, weight, (stride, stride), (dilation, dilation), (dilation, dilation))

    assert gradcheck(convolve, (x, weight))
    assert gradgradcheck(convolve, (x, weight))


def test_only_what_is_asked_for_is_computed():
    x = torch.randn(1, 8, 4, 4, requires_grad=True)
    weight = torch.randn(8, 1, 3, 3)
    depthwise(x, weight, (1, 1), (1, 1), (1, 1)).sum().backward()
    assert x.grad is not None and weight.grad is None
