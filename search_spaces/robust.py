"""S1 to S4: the DARTS cell with few candidates an edge, on which DARTS derives degenerate cells.

Zela et al., "Understanding and Robustifying Differentiable Architecture Search" (ICLR 2020). The candidates
are in ``nni_darts.genotype.candidates``, edge by edge.
"""

from __future__ import annotations

from typing import ClassVar

from nni_darts.errors import ConfigError
from nni_darts.genotype.candidates import ROBUST, ROBUST_NODES, CellCandidates
from search_spaces.darts import DartsSpace
from search_spaces.layout import ImageSize

SMALLEST = 3
"""Cells of the smallest network that has a normal cell."""


class RobustSpace(DartsSpace):
    """The DARTS cell with candidates of its own for every edge; the parameters are those of DartsSpace."""

    candidates: ClassVar[CellCandidates]

    def __init__(
        self,
        init_channels: int = 16,
        layers: int = 8,
        num_classes: int = 10,
        in_channels: int = 3,
        stem: str = "cifar",
        auxiliary: bool = False,
        image_size: ImageSize | None = None,
        drop_path_on: str = "operation",
    ) -> None:
        if isinstance(layers, int) and 0 < layers < SMALLEST:
            raise ConfigError(
                f"layers must be at least {SMALLEST}, or no cell is a normal one; got {layers}."
            )
        super().__init__(
            init_channels,
            layers,
            ROBUST_NODES,
            num_classes,
            in_channels,
            stem,
            auxiliary,
            self.candidates,
            image_size,
            drop_path_on,
        )


class S1(RobustSpace):
    """Two candidates an edge, those that a search on the whole space had rated best."""

    candidates = ROBUST["s1"]


class S2(RobustSpace):
    """Skip connection or separable 3x3 convolution."""

    candidates = ROBUST["s2"]


class S3(RobustSpace):
    """No connection, skip connection or separable 3x3 convolution."""

    candidates = ROBUST["s3"]


class S4(RobustSpace):
    """Noise or separable 3x3 convolution; a network with noise in it scores differently every time."""

    candidates = ROBUST["s4"]
