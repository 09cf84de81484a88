"""The macro network of NAS-Bench-201: three stages of cells, a residual block of stride 2 between them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from search_spaces.layout import ImageSize
from search_spaces.nasbench201.operations import Norms, ReLUConv

STAGES = 3


class Residual(nn.Module):
    """Two 3x3 convolutions, the first of stride 2, beside a 2x2 average pool and a 1x1 convolution.

    Its BatchNorms have weights in the search too, as in the original.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv_a = ReLUConv(channels_in, channels_out, 3, 2, Norms())
        self.conv_b = ReLUConv(channels_out, channels_out, 3, 1, Norms())
        self.downsample = nn.Sequential(
            OrderedDict(pool=nn.AvgPool2d(2, 2), conv=nn.Conv2d(channels_in, channels_out, 1, bias=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class Skeleton(nn.Module):
    """Stem, stages, BatchNorm and ReLU, global average pool, linear classifier.

    Parameters
    ----------
    make_cell
        Number of channels -> a cell that keeps it.
    init_channels
        Of the first stage; each further one has twice as many.
    cells
        In each stage (N).
    image_size
        If given, images that cannot be halved twice are refused at once.
    """

    def __init__(
        self,
        make_cell: Callable[[int], nn.Module],
        init_channels: int,
        cells: int,
        num_classes: int,
        in_channels: int,
        image_size: ImageSize | None = None,
    ) -> None:
        super().__init__()
        _check(init_channels, cells, num_classes, in_channels, image_size)
        stem = nn.Conv2d(in_channels, init_channels, 3, padding=1, bias=False)
        self.stem = nn.Sequential(OrderedDict(conv=stem, bn=nn.BatchNorm2d(init_channels)))
        self.cells = nn.ModuleList()
        channels = init_channels
        for stage in range(STAGES):
            if stage:
                self.cells.append(Residual(channels, 2 * channels))
                channels *= 2
            self.cells.extend(make_cell(channels) for _ in range(cells))
        self.last = nn.Sequential(OrderedDict(bn=nn.BatchNorm2d(channels), relu=nn.ReLU()))
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, batch x num_classes, of a batch of images."""
        return self.classifier(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees, batch x 4 init_channels."""
        height, width = x.shape[-2:]
        if height % 4 or width % 4:
            raise ConfigError(_odd(height, width))
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return torch.flatten(self.last(x).mean((2, 3)), 1)


def _check(
    init_channels: int, cells: int, num_classes: int, in_channels: int, image_size: ImageSize | None
) -> None:
    numbers = {
        "init_channels": init_channels,
        "cells": cells,
        "num_classes": num_classes,
        "in_channels": in_channels,
    }
    problems = [
        f"{name} must be a whole number of at least 1, got {value!r}."
        for name, value in numbers.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    if image_size is not None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        problems += [_odd(height, width)] if height % 4 or width % 4 else []
    if problems:
        raise ConfigError(*problems)


def _odd(height: int, width: int) -> str:
    return (
        f"image_size {height} x {width} does not fit NAS-Bench-201: its network halves images twice, so both "
        "sides must be multiples of 4."
    )
