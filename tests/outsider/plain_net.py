"""A search space as somebody who only knows NNI would write it: nothing of this package is imported."""

from __future__ import annotations

import nni
import torch
from nni.nas.nn.pytorch import InputChoice, LayerChoice, ModelSpace, MutableConv2d, Repeat
from torch import Tensor, nn


class PlainNet(ModelSpace):
    """A small residual network: width, operations, a shortcut and the depth are to be found."""

    def __init__(self, num_classes: int, in_channels: int, channels: int = 8) -> None:
        super().__init__()
        width = nni.choice("width", [4, 8])
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.squeeze = MutableConv2d(channels, width, 1)
        self.expand = MutableConv2d(width, channels, 1)
        self.layer = LayerChoice(
            {
                "conv3x3": nn.Conv2d(channels, channels, 3, padding=1),
                "conv5x5": nn.Conv2d(channels, channels, 5, padding=2),
                "pool": nn.MaxPool2d(3, stride=1, padding=1),
            },
            label="layer",
        )
        self.shortcut = InputChoice(3, n_chosen=2, reduction="sum", label="shortcut")
        self.blocks = Repeat(
            lambda index: nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()),
            (1, 3),
            label="depth",
        )
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.stem(x))
        b = torch.relu(self.expand(self.squeeze(a)))
        c = torch.relu(self.layer(b))
        return self.head(self.blocks(self.shortcut([a, b, c])).mean((2, 3)))
