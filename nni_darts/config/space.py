"""Settings of the model space, and the arguments that the space of this package takes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nni_darts.config.section import Count, Section, Text

SPACES = {"darts": "the cell space of the DARTS paper: 2 cell types, 8 operations, 14 edges a cell"}

FROM_THE_DATA = ("num_classes", "in_channels", "image_size")
"""Arguments of every space that come from the data set and are never written in a file."""


class Space(Section):
    """Which space, and its arguments."""

    name: Text = Field(
        default="darts", description="a known space, or package.module:Class of an NNI ModelSpace"
    )
    args: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the space")

    @property
    def is_known(self) -> bool:
        """Whether ``name`` is one of ours, not a dotted name of the user's."""
        return self.name in SPACES


class DartsArguments(Section):
    """Arguments of the search network (DARTS, 3.1: 8 cells, 16 channels, 4 nodes)."""

    init_channels: Count = 16
    layers: Count = 8
    nodes: Count = 4
    stem: Literal["cifar", "imagenet"] = "cifar"
    primitives: list[Text] | None = Field(
        default=None, description="candidate operations; all eight when left out"
    )


class DartsNetwork(Section):
    """What the discrete network has instead (DARTS, 3.2 and train.py: 20 cells of 36 channels)."""

    init_channels: Count = 36
    layers: Count = 20
    auxiliary: bool = True
    stem: Literal["cifar", "imagenet"] | None = Field(
        default=None, description="that of the space when left out"
    )
