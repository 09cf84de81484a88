"""Operations with a fraction of their channels."""

from __future__ import annotations

from typing import Any

from torch import nn


class NotNarrowedError(Exception):
    """Why an operation cannot be narrowed, as a phrase."""


def narrowed(module: nn.Module, ratio: int) -> nn.Module:
    """The same operation with all its numbers of channels divided by ``ratio``, freshly initialised.

    Convolutions and BatchNorms are replaced, in place where they stand inside of ``module``.

    Raises
    ------
    NotNarrowedError
        A number of channels is not divisible, or another kind of module has weights.
    """
    kind: Any = type(module)
    own: Any = module
    if kind is nn.Conv2d:
        return nn.Conv2d(
            _part(own.in_channels, ratio),
            _part(own.out_channels, ratio),
            own.kernel_size,
            own.stride,
            own.padding,
            own.dilation,
            1 if own.groups == 1 else _part(own.groups, ratio),
            own.bias is not None,
            own.padding_mode,
        )
    if kind is nn.BatchNorm2d:
        channels = _part(own.num_features, ratio)
        return nn.BatchNorm2d(channels, own.eps, own.momentum, own.affine, own.track_running_stats)
    if next(module.parameters(recurse=False), None) is not None:
        raise NotNarrowedError(f"it has a {kind.__name__}, and only Conv2d and BatchNorm2d can be narrowed")
    for name, child in module.named_children():
        module.add_module(name, narrowed(child, ratio))
    return module


def _part(channels: int, ratio: int) -> int:
    if channels % ratio:
        raise NotNarrowedError(f"it has {channels} channels, which {ratio} does not divide")
    return channels // ratio
