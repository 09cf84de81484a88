"""NAS-Bench-201 (Dong, Yang, ICLR 2020) as an NNI space, and its discrete networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.genotype.nasbench201 import BenchmarkCell
from search_spaces.building import built_outside
from search_spaces.layout import ImageSize
from search_spaces.nasbench201.cell import discrete_cell, search_cell
from search_spaces.nasbench201.operations import Norms
from search_spaces.nasbench201.skeleton import Skeleton


class BenchmarkNetwork(Skeleton):
    """The network that the benchmark trained for a cell: every BatchNorm has weights.

    Parameters
    ----------
    init_channels, cells
        The benchmark: 16 and 5.
    """

    def __init__(
        self,
        cell: BenchmarkCell,
        init_channels: int = 16,
        cells: int = 5,
        num_classes: int = 10,
        in_channels: int = 3,
        image_size: ImageSize | None = None,
    ) -> None:
        super().__init__(
            lambda channels: discrete_cell(cell, channels, Norms()),
            init_channels,
            cells,
            num_classes,
            in_channels,
            image_size,
        )
        self.cell = cell


class NasBench201Space(ModelSpace):
    """One cell for the whole network, one choice of operation for each of its six edges.

    A node sums all its edges, so there is no choice of inputs. ``freeze(sample)`` and construction under
    ``nni.nas.space.model_context(sample)`` give the :class:`BenchmarkNetwork`, freshly initialised, as the
    benchmark trained it.

    Parameters
    ----------
    init_channels, cells
        Channels of the first stage and cells of each stage; searches use the benchmark's 16 and 5.
    num_classes, in_channels
        Of the data.
    image_size
        If given, images that cannot be halved twice are refused at once.
    affine, track_running_stats, pool_norm
        Of the BatchNorms in the search network's cells, see :class:`Norms`.
    """

    def __init__(
        self,
        init_channels: int = 16,
        cells: int = 5,
        num_classes: int = 10,
        in_channels: int = 3,
        image_size: ImageSize | None = None,
        affine: bool = False,
        track_running_stats: bool = True,
        pool_norm: bool = False,
    ) -> None:
        super().__init__()
        norms = Norms(affine, track_running_stats, pool_norm)
        self.macro: dict[str, Any] = {
            "init_channels": init_channels,
            "cells": cells,
            "num_classes": num_classes,
            "in_channels": in_channels,
            "image_size": image_size,
        }
        self.network = Skeleton(lambda channels: search_cell(channels, norms), **self.macro)

    @property
    def cells(self) -> nn.ModuleList:
        """Cells and residual blocks, in order."""
        return self.network.cells

    def forward(self, x: Tensor) -> Tensor:
        """Logits, batch x num_classes, of a batch of images."""
        return self.network(x)

    def freeze(self, sample: Mapping[str, Any]) -> BenchmarkNetwork:
        """The discrete network of a sample."""
        self.validate(sample)
        return BenchmarkNetwork(BenchmarkCell.of_sample(sample), **self.macro)

    @classmethod
    def create_fixed_module(cls, sample: Mapping[str, Any], *args: Any, **kwargs: Any) -> BenchmarkNetwork:
        """What NNI builds instead of the space inside a ``model_context``."""
        return built_outside(cls, *args, **kwargs).freeze(sample)
