"""The operations of NAS-Bench-201 (``cell_operations.py`` of D-X-Y/AutoDL-Projects)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.genotype.checks import unknown_operations
from nni_darts.genotype.nasbench201 import OPERATIONS
from search_spaces.operations import Identity, Pool, Zero


@dataclass(frozen=True)
class Norms:
    """How BatchNorms are built.

    Attributes
    ----------
    affine
        Whether they have weights. Where they have none, the convolution before has a bias, as in the
        original; it changes nothing, since the BatchNorm subtracts it again.
    track_running_stats
        Whether they evaluate on running statistics, not on those of the batch.
    pool_norm
        Whether pools have one too; the original's have none.
    """

    affine: bool = True
    track_running_stats: bool = True
    pool_norm: bool = False

    def build(self, channels: int) -> nn.BatchNorm2d:
        """The BatchNorm after a convolution."""
        return nn.BatchNorm2d(channels, affine=self.affine, track_running_stats=self.track_running_stats)


class ReLUConv(nn.Module):
    """ReLU, convolution, BatchNorm: ``nor_conv_1x1``, ``nor_conv_3x3``, and the parts of a residual block."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, norms: Norms) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=not norms.affine
        )
        self.bn = norms.build(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x.relu()))


class NormedPool(Pool):
    """The 3x3 average pool with the BatchNorm of the search form, built as the others are."""

    def __init__(self, channels: int, norms: Norms) -> None:
        super().__init__("avg", channels, stride=1, search=False)
        self.bn = nn.BatchNorm2d(channels, affine=False, track_running_stats=norms.track_running_stats)


def build(name: str, channels: int, norms: Norms) -> nn.Module:
    """One operation of the cell; all keep channels, height and width."""
    match name:
        case "none":
            return Zero(stride=1)
        case "skip_connect":
            return Identity()
        case "nor_conv_1x1":
            return ReLUConv(channels, channels, 1, 1, norms)
        case "nor_conv_3x3":
            return ReLUConv(channels, channels, 3, 1, norms)
        case "avg_pool_3x3":
            return NormedPool(channels, norms) if norms.pool_norm else Pool("avg", channels, 1, search=False)
    raise ConfigError(*unknown_operations([name], OPERATIONS))
