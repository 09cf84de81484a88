"""Depthwise convolution with gradients in an order of arithmetic that oneDNN is quicker at; the same sums."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Pair = tuple[int, int]

BLOCKS = (16, 8)
"""Channels of the dense blocks whose weight gradient is cheaper than that of their diagonal alone."""


def depthwise(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """Every channel of ``x`` [B, N, H, W] with its own filter, ``weight`` [N, 1, k, k]."""
    if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        result: Tensor = _CpuDepthwise.apply(x, weight, stride, padding, dilation)
        return result
    return functional.conv2d(x, weight, None, stride, padding, dilation, groups=len(weight))


class _CpuDepthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return functional.conv2d(x, weight, None, stride, padding, dilation, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        wants_x, wants_weight = ctx.needs_input_grad[:2]
        of_x = of_weight = None
        if torch.is_grad_enabled():  # this backward will be differentiated: PyTorch's own can be
            mask = (wants_x, wants_weight)
            of_x, of_weight = _native(gradient, x, weight, stride, padding, dilation, len(weight), mask)
        else:
            gradient = gradient.contiguous(memory_format=torch.channels_last)
            if wants_x:
                of_x = input_gradient(gradient, x, weight, stride, padding, dilation)
            if wants_weight:
                of_weight = weight_gradient(gradient, x, weight, stride, padding, dilation)
        return of_x, of_weight, None, None, None


def input_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """A convolution with the flipped filter; for a stride, zeros go between the pixels of the gradient."""
    reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    mirrored = [r - p for r, p in zip(reach, padding, strict=True)]
    if min(mirrored) < 0:
        found = _native(gradient, x, weight, stride, padding, dilation, len(weight), (True, False))[0]
        assert found is not None
        return found
    if stride != (1, 1):
        size = [n + 2 * p - r for n, p, r in zip(x.shape[2:], padding, reach, strict=True)]
        spread = gradient.new_zeros(len(x), *size, len(weight)).permute(0, 3, 1, 2)  # channels last
        spread[:, :, :: stride[0], :: stride[1]] = gradient
        gradient = spread
    return functional.conv2d(gradient, weight.flip(2, 3), None, 1, mirrored, dilation, groups=len(weight))


def weight_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """The diagonal of the gradient of a convolution with dense blocks of channels, where that is cheaper."""
    channels, _, *kernel = weight.shape
    quick = max(kernel) <= 3 and dilation == (1, 1)
    block = next((size for size in BLOCKS if channels % size == 0), 1)
    if quick or block == 1:
        found = _native(gradient, x, weight, stride, padding, dilation, channels, (False, True))[1]
        assert found is not None
        return found
    dense = weight.expand(channels, block, *kernel)
    groups = channels // block
    full = _native(gradient, x, dense, stride, padding, dilation, groups, (False, True))[1]
    assert full is not None
    own = full.unflatten(0, (groups, block)).diagonal(dim1=1, dim2=2)  # [groups, k, k, block]
    return own.permute(0, 3, 1, 2).reshape(weight.shape)


def _native(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    mask: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """PyTorch's gradients of input and weight, those that ``mask`` names."""
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, stride, padding, dilation, False, (0, 0), groups, (*mask, False)
    )
    return of_x, of_weight
