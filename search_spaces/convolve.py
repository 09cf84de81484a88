"""Convolutions of the operations in the order of arithmetic that a CPU does best; the sums are the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.depthwise import depthwise


def is_plain(conv: nn.Module) -> bool:
    """Whether ``conv`` is its weight and nothing else: no hook or subclass wants its own forward."""
    hooks = (conv._forward_hooks, conv._forward_pre_hooks, conv._backward_hooks, conv._backward_pre_hooks)
    return type(conv) is nn.Conv2d and not any(hooks)


def per_channel(conv: Any, x: Tensor) -> Tensor:
    """``conv(x)`` for a depthwise convolution without bias."""
    if x.device.type != "cpu" or not is_plain(conv):
        return conv(x)
    return depthwise(x, conv.weight, conv.stride, conv.padding, conv.dilation)


def of_halves(even: Any, odd: Any, x: Tensor) -> Tensor:
    """``even(x)`` and, one pixel on, ``odd(x)``, side by side; both are 1x1, stride 2, without bias."""
    if not (is_plain(even) and is_plain(odd)):
        return torch.cat([even(x), odd(x[:, :, 1:, 1:])], dim=1)
    first, second = _Halves.apply(x)
    return torch.cat(
        [functional.conv2d(first, even.weight), functional.conv2d(second, odd.weight)],
        dim=1,
    )


class _Halves(torch.autograd.Function):
    """The pixels at even rows and columns and those at odd ones, in the memory order of the image.

    Slices would do; but their gradients are two whole images, in another memory order, to be added up.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        order = _order(x)
        parts = (x[:, :, start::2, start::2].contiguous(memory_format=order) for start in (0, 1))
        return next(parts), next(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gradient = torch.zeros_like(x)
        for start, part in enumerate(gradients):
            gradient[:, :, start::2, start::2] = part
        return gradient


def _order(x: Tensor) -> torch.memory_format:
    wide = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if wide else torch.contiguous_format
