"""Depthwise convolution."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

Pair = tuple[int, int]


def depthwise(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """Every channel of ``x`` [B, N, H, W] with its own filter, ``weight`` [N, 1, k, k]."""
    return functional.conv2d(x, weight, None, stride, padding, dilation, groups=len(weight))
