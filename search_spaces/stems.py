"""Stems: from the images to the two inputs of the first cell."""

from __future__ import annotations

from torch import Tensor, nn

from search_spaces.layout import STEM_MULTIPLIER


class CifarStem(nn.Module):
    """3x3 convolution and affine BN; ``forward`` gives the result twice, as both inputs of cell 0."""

    def __init__(self, in_channels: int, init_channels: int) -> None:
        super().__init__()
        channels = STEM_MULTIPLIER * init_channels
        self.conv = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.bn(self.conv(x))
        return x, x


class _Quarter(nn.Module):
    """conv s2, BN, ReLU, conv s2, BN."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = _halving(in_channels, channels // 2)
        self.bn1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = _halving(channels // 2, channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class _Half(nn.Module):
    """ReLU, conv s2, BN."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = _halving(channels, channels)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x.relu()))


class ImageNetStem(nn.Module):
    """Quarter the image, then halve it again: cell 0 takes both results (cnn/model.py, NetworkImageNet)."""

    def __init__(self, in_channels: int, init_channels: int) -> None:
        super().__init__()
        self.stem0 = _Quarter(in_channels, init_channels)
        self.stem1 = _Half(init_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.stem0(x)
        return quarter, self.stem1(quarter)


def build_stem(stem: str, in_channels: int, init_channels: int) -> nn.Module:
    """The stem named ``cifar`` or ``imagenet``."""
    kind = ImageNetStem if stem == "imagenet" else CifarStem
    return kind(in_channels, init_channels)


def _halving(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
