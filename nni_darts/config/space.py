"""Settings of the model space, and the arguments that the space of this package takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from nni_darts.config.section import Count, Probability, Section, Text

FROM_THE_DATA = ("num_classes", "in_channels", "image_size", "vocabulary")
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


class CellArguments(Section):
    """Arguments of a search network of normal and reduction cells (DARTS, 3.1: 8 cells, 16 channels)."""

    init_channels: Count = 16
    layers: Count = 8
    stem: Literal["cifar", "imagenet"] = "cifar"


class DartsArguments(CellArguments):
    """The DARTS space has more of them (DARTS, 3.1: 4 nodes)."""

    nodes: Count = 4
    primitives: list[Text] | None = Field(
        default=None, description="candidate operations; all eight when left out"
    )


class RobustArguments(CellArguments):
    """S1 to S4 have 4 nodes and fixed candidates; with fewer than 3 layers there is no normal cell."""

    layers: Annotated[Count, Field(ge=3)] = 8


class CellNetwork(Section):
    """What the discrete network has instead (DARTS, 3.2 and train.py: 20 cells of 36 channels)."""

    init_channels: Count = 36
    layers: Count = 20
    auxiliary: bool = True
    stem: Literal["cifar", "imagenet"] | None = Field(
        default=None, description="that of the space when left out"
    )
    drop_path_on: Literal["operation", "node"] = Field(
        default="operation", description="what drop path forgets (FairDARTS: node)"
    )


class SlimNetwork(CellNetwork):
    """R-DARTS evaluates S2 and S4 on CIFAR-10 with 16 channels, S1 and S3 with DARTS's 36."""

    init_channels: Count = 16


class BenchmarkArguments(Section):
    """Arguments of the search network of NAS-Bench-201 (its paper, and nasbench201/ of SmoothDARTS)."""

    init_channels: Count = 16
    cells: Count = Field(default=5, description="cells of each of the three stages")
    affine: bool = Field(default=False, description="weights in the cells' BatchNorms, no biases before them")
    track_running_stats: bool = Field(
        default=True, description="false: the BatchNorms of cells evaluate on the statistics of the batch"
    )
    pool_norm: bool = Field(default=False, description="a BatchNorm after every pool, as in the DARTS space")


class BenchmarkNetwork(Section):
    """What the discrete network has instead; these are the benchmark's own sizes."""

    init_channels: Count = 16
    cells: Count = 5


class RecurrentArguments(Section):
    """Arguments of the recurrent search network (rnn/train_search.py; dropouts as it names them)."""

    width: Count = Field(default=300, description="of the embedding and of every state")
    nodes: Count = 8
    dropout: Probability = Field(default=0.75, description="of the cell's outputs")
    dropoutx: Probability = Field(default=0.75, description="of the cell's inputs")
    dropouth: Probability = Field(default=0.25, description="of states before a matrix")
    dropouti: Probability = Field(default=0.2, description="of embedded words")
    dropoute: Probability = Field(default=0.0, description="of whole words")
    primitives: list[Text] | None = Field(
        default=None, description="candidate activations; all five if left out"
    )


class RecurrentNetworkArguments(Section):
    """What the discrete language model has instead (rnn/train.py on the Penn Treebank)."""

    width: Count = 850
    dropout: Probability = 0.75
    dropoutx: Probability = 0.75
    dropouth: Probability = 0.25
    dropouti: Probability = 0.2
    dropoute: Probability = 0.1


@dataclass(frozen=True)
class KnownSpace:
    """A space of ours: a line about it, the arguments of its search network, and of its discrete network.

    ``training`` are defaults of training a discrete network that differ here; those of searching are in
    ``nni_darts.config.defaults``.
    ``text``: the data are texts, not images.
    """

    summary: str
    arguments: type[Section]
    network: type[Section]
    training: Mapping[str, Any] = field(default_factory=dict)
    text: bool = False


_ROBUST = "the DARTS cell with {}; DARTS fails there (R-DARTS)"

KNOWN = {
    "darts": KnownSpace(
        "the cell space of the DARTS paper: 2 cell types, 8 operations, 14 edges a cell",
        DartsArguments,
        CellNetwork,
    ),
    "s1": KnownSpace(_ROBUST.format("2 operations of its own for every edge"), RobustArguments, CellNetwork),
    "s2": KnownSpace(_ROBUST.format("skip_connect and sep_conv_3x3"), RobustArguments, SlimNetwork),
    "s3": KnownSpace(_ROBUST.format("none, skip_connect and sep_conv_3x3"), RobustArguments, CellNetwork),
    "s4": KnownSpace(_ROBUST.format("noise and sep_conv_3x3"), RobustArguments, SlimNetwork),
    "nasbench201": KnownSpace(
        "the cell of NAS-Bench-201: 5 operations, 6 edges, all 15,625 cells trained by its authors",
        BenchmarkArguments,
        BenchmarkNetwork,
        training={"drop_path_prob": 0.0},
    ),
    "darts_rnn": KnownSpace(
        "the recurrent cell of the DARTS paper in a language model: 8 nodes, 5 activations, 36 edges",
        RecurrentArguments,
        RecurrentNetworkArguments,
        text=True,
    ),
}

SPACES = {name: known.summary for name, known in KNOWN.items()}
"""A line for every space of ours."""
