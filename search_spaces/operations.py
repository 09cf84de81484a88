"""The operations of the DARTS cells (paper, section 3.1; cnn/operations.py of quark0/darts).

``search=True`` builds the supernet's form: every pool is followed by a BatchNorm, no BatchNorm is affine.
All activations are out of place, so that autograd may reuse the inputs. An operation that begins with a
ReLU takes the ReLU of its input as ``rectified`` from a caller who has it; it then reads nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.genotype import OPERATION_NAMES, PRIMITIVES
from nni_darts.genotype.checks import unknown_operations
from nni_darts.supernet.fused.forms import Halved, Nothing, Pooled, Separable, Stage, Unchanged
from search_spaces.convolve import of_halves, per_channel

__all__ = [
    "OPERATIONS",
    "PRIMITIVES",
    "DilConv",
    "FactorizedReduce",
    "Identity",
    "Noise",
    "Pool",
    "ReLUConvBN",
    "SepConv",
    "WideConv",
    "Zero",
    "build",
]


class Zero(nn.Module):
    """No connection: zeros of the output's shape, attached to the graph so that x gets a zero gradient."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0

    def form(self) -> Nothing:
        """For the fused supernet: never computed."""
        return Nothing()


class Identity(nn.Module):
    """skip_connect at stride 1; the one operation that drop path leaves alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    def form(self) -> Unchanged:
        """For the fused supernet: shared by all edges from a state."""
        return Unchanged()


class Noise(nn.Module):
    """Fresh N(0, 1) of the output's shape at every forward, in evaluation too: the useless operation of S4.

    Nothing of the input enters but its shape, so no gradient returns to it (RobustDARTS, ``NoiseOp``).
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x[:, :, :: self.stride, :: self.stride], requires_grad=False)


class Pool(nn.Module):
    """3x3 pool; padded positions are minus infinity (max) or not counted (avg)."""

    def __init__(self, kind: str, channels: int, stride: int, search: bool) -> None:
        super().__init__()
        self.pool: nn.Module = (
            nn.MaxPool2d(3, stride, padding=1)
            if kind == "max"
            else nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        )
        self.bn = nn.BatchNorm2d(channels, affine=False) if search else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        return x if self.bn is None else self.bn(x)

    def form(self) -> Pooled:
        """For the fused supernet: computed once per state."""
        return Pooled(self.pool, self.bn)


class ReLUConvBN(nn.Module):
    """ReLU, 1x1 convolution, BN: brings a cell's input to the cell's number of channels."""

    def __init__(self, channels_in: int, channels_out: int, affine: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels_out, affine=affine)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        return self.bn(self.conv(x.relu() if rectified is None else rectified))


class FactorizedReduce(nn.Module):
    """Halve height and width: ReLU, two 1x1 stride-2 convolutions, the second one pixel on, concat, BN."""

    def __init__(self, channels_in: int, channels_out: int, affine: bool) -> None:
        super().__init__()
        half = channels_out // 2
        self.conv_a = nn.Conv2d(channels_in, half, 1, stride=2, bias=False)
        self.conv_b = nn.Conv2d(channels_in, channels_out - half, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(channels_out, affine=affine)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        height, width = x.shape[-2:]
        if height % 2 or width % 2:
            raise ConfigError(
                f"A reduction needs an even height and width, but its input is {height} x {width}; "
                "choose an image size that can be halved at every reduction."
            )
        return self.bn(of_halves(self.conv_a, self.conv_b, x.relu() if rectified is None else rectified))

    def form(self) -> Halved:
        """For the fused supernet: all that read one state share its pixels."""
        return Halved(self.conv_a, self.conv_b, self.bn)


class DilConv(nn.Module):
    """ReLU, depthwise convolution of dilation 2, pointwise convolution, BN."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__()
        self.dw = _depthwise(channels, kernel, stride, padding=kernel - 1, dilation=2)
        self.pw = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        x = per_channel(self.dw, x.relu() if rectified is None else rectified)
        return self.bn(self.pw(x))

    def form(self) -> Separable:
        """For the fused supernet: convolved together with others of this kernel."""
        return Separable((Stage(self.dw, self.pw, self.bn),))


class SepConv(nn.Module):
    """(ReLU, depthwise, pointwise, BN) twice; the stride is in the first depthwise convolution."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__()
        self.dw1 = _depthwise(channels, kernel, stride, padding=kernel // 2)
        self.pw1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels, affine=affine)
        self.dw2 = _depthwise(channels, kernel, 1, padding=kernel // 2)
        self.pw2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        x = per_channel(self.dw1, x.relu() if rectified is None else rectified)
        x = per_channel(self.dw2, self.bn1(self.pw1(x)).relu())
        return self.bn2(self.pw2(x))

    def form(self) -> Separable:
        """For the fused supernet: convolved together with others of this kernel."""
        first = Stage(self.dw1, self.pw1, self.bn1)
        return Separable((first, Stage(self.dw2, self.pw2, self.bn2)))


class WideConv(nn.Module):
    """conv_7x1_1x7 of AmoebaNet: ReLU, 1x7 then 7x1 convolution, BN; each strides in its own direction."""

    def __init__(self, channels: int, stride: int, affine: bool) -> None:
        super().__init__()
        self.conv_1x7 = nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False)
        self.conv_7x1 = nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False)
        self.bn = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor, rectified: Tensor | None = None) -> Tensor:
        return self.bn(self.conv_7x1(self.conv_1x7(x.relu() if rectified is None else rectified)))


def _depthwise(channels: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)


def _skip(channels: int, stride: int, affine: bool, search: bool) -> nn.Module:
    return Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)


#: (channels, stride, affine, search) -> module, by name.
OPERATIONS: dict[str, Callable[[int, int, bool, bool], nn.Module]] = {
    "none": lambda channels, stride, affine, search: Zero(stride),
    "max_pool_3x3": lambda channels, stride, affine, search: Pool("max", channels, stride, search),
    "avg_pool_3x3": lambda channels, stride, affine, search: Pool("avg", channels, stride, search),
    "skip_connect": _skip,
    "sep_conv_3x3": lambda channels, stride, affine, search: SepConv(channels, 3, stride, affine),
    "sep_conv_5x5": lambda channels, stride, affine, search: SepConv(channels, 5, stride, affine),
    "dil_conv_3x3": lambda channels, stride, affine, search: DilConv(channels, 3, stride, affine),
    "dil_conv_5x5": lambda channels, stride, affine, search: DilConv(channels, 5, stride, affine),
    "sep_conv_7x7": lambda channels, stride, affine, search: SepConv(channels, 7, stride, affine),
    "conv_7x1_1x7": lambda channels, stride, affine, search: WideConv(channels, stride, affine),
    "noise": lambda channels, stride, affine, search: Noise(stride),
}
assert tuple(OPERATIONS) == OPERATION_NAMES


def build(name: str, channels: int, stride: int, *, affine: bool, search: bool) -> nn.Module:
    """Build an operation that keeps the number of channels.

    Parameters
    ----------
    stride
        1 or 2 (halves height and width).
    affine
        Whether its BatchNorms have weights; the paper has them in discrete networks only.
    search
        Whether a pool is followed by a BatchNorm, as in the supernet.
    """
    if name not in OPERATIONS:
        raise ConfigError(*unknown_operations([name], OPERATIONS))
    return OPERATIONS[name](channels, stride, affine, search)
