"""The auxiliary classifier on the output of cell 2*layers//3, used in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_darts.errors import ConfigError

#: Stride of the first pool; CIFAR has 8x8 there, ImageNet 7x7, and both leave 2x2.
_STRIDE = {"cifar": 3, "imagenet": 2}
_POOL = 5


def check_auxiliary_size(stem: str, height: int, width: int) -> None:
    """Refuse feature maps that the head does not bring to one pixel."""
    smallest = _POOL + _STRIDE[stem]
    largest = smallest + _STRIDE[stem] - 1
    if not (smallest <= height <= largest and smallest <= width <= largest):
        raise ConfigError(
            f"auxiliary: the head of the {stem} network needs {smallest} to {largest} pixels a side at its "
            f"cell, but meets {height} x {width}; switch it off, or change the image size or layers."
        )


class AuxiliaryHead(nn.Module):
    """ReLU, 5x5 average pool, 1x1 conv to 128, BN, ReLU, 2x2 conv to 768, BN, ReLU, linear.

    The ImageNet head has no second BN: the original left it out for consistency with its paper. Unlike
    the original, the first ReLU is not in place, which would change the logits of short networks.
    """

    def __init__(self, channels: int, num_classes: int, stem: str) -> None:
        super().__init__()
        self.stem = stem
        self.pool = nn.AvgPool2d(_POOL, _STRIDE[stem], count_include_pad=False)
        self.conv1 = nn.Conv2d(channels, 128, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 768, 2, bias=False)
        self.bn2 = nn.BatchNorm2d(768) if stem == "cifar" else nn.Identity()
        self.classifier = nn.Linear(768, num_classes)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        """Logits, batch x num_classes, of a feature map; ``rectified`` is its ReLU where that is known."""
        check_auxiliary_size(self.stem, x.shape[-2], x.shape[-1])
        x = self.bn1(self.conv1(self.pool(x.relu() if rectified is None else rectified))).relu()
        x = self.bn2(self.conv2(x)).relu()
        return self.classifier(torch.flatten(x, 1))
