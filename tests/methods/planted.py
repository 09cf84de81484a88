"""A search whose right answer is known: one candidate sees the classes, whatever the weights are.

The sign of every pixel is drawn at random and says nothing; the class is in which channels are loud. All
candidates but the planted one are odd, o(-x) = -o(x), and so is every sum of them. Behind a linear
classifier, logits(x) + logits(-x) is then twice a constant, and by Jensen's inequality no weights bring
the cross-entropy of images that come with their negatives below the entropy of the labels.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from nni.mutable import label_scope
from nni.nas.evaluator.pytorch import Lightning, Trainer
from nni.nas.nn.pytorch import InputChoice, LayerChoice, ModelSpace
from torch import Tensor, nn

from nni_darts.config.search import Search
from nni_darts.data import BatchLoader, Images
from nni_darts.recipe import Recipe, with_outer_options
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.classifier import Classifier
from search_spaces.operations import Identity, Zero

CHANNELS = 8
SIDE = 2
CLASSES = 4
BATCH = 32
EPOCHS = 5

PLANTED = "loudness"
ANSWER = {"normal/edge_0": PLANTED, "normal/edge_1": PLANTED, "normal/inputs": [0, 1]}
"""What a search has to find; the third source says nothing about the class."""


class Loudness(nn.Module):
    """|x|, 1x1 convolution, BN: the only candidate that is not odd."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x.abs()))


def convolution(channels: int) -> nn.Module:
    """Linear 3x3 convolution and BN."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="circular", bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(channels, affine=False)))


def candidates(channels: int = CHANNELS) -> OrderedDict[str, nn.Module]:
    """What every edge offers; the planted one stands neither first nor last."""
    return OrderedDict(
        none=Zero(stride=1),
        skip_connect=Identity(),
        loudness=Loudness(channels),
        convolution=convolution(channels),
    )


class PlantedSpace(ModelSpace):
    """One normal cell of one node that keeps two of three sources; an image is the sources' channels."""

    def __init__(self) -> None:
        super().__init__()
        with label_scope("normal"):
            self.edges = nn.ModuleList(LayerChoice(candidates(), label=f"edge_{k}") for k in range(3))
            self.inputs = InputChoice(3, n_chosen=2, reduction="sum", label="inputs")
        self.classifier = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        node = self.inputs([edge(s) for edge, s in zip(self.edges, x.chunk(3, dim=1), strict=True)])
        return self.classifier(node.mean((2, 3)))

    def nodes(self) -> dict[str, list[str]]:
        """The node's inputs are chosen by the strength of its edges."""
        return {"normal/inputs": [f"normal/edge_{k}" for k in range(3)]}


def images(count: int, seed: int) -> Images:
    """``count`` images of every class, and the negative of each, as bytes around 128.

    The class is two bits, one in each of the first two sources; that of the third is drawn. A bit says
    whether the channels with even numbers are loud or those with odd ones.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(CLASSES).repeat(count)
    bits = np.stack([labels // 2, labels % 2, random.integers(0, 2, labels.size)], axis=1)
    loud = bits[:, :, None] == np.arange(CHANNELS) % 2
    size = (labels.size, 3 * CHANNELS, SIDE, SIDE)
    heights = np.where(loud.reshape(*size[:2], 1, 1), 96, 32) + random.integers(-16, 17, size)
    pixels = heights * random.choice([-1, 1], size)
    both = np.concatenate([128 + pixels, 128 - pixels]).astype(np.uint8)
    return Images.from_numpy(both, np.concatenate([labels, labels]))


def signed(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Bytes to numbers around 0."""
    return (pixels.float() - 128) / 64


def loader(count: int, seed: int) -> BatchLoader:
    """Batches of them in random order."""
    return BatchLoader(images(count, seed), BATCH, signed, shuffle=True, seed=seed)


def searched(recipe: Recipe, seed: int) -> DifferentiableStrategy:
    """A whole search for the planted operation: 30 steps of both levels, where the method adds none."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(seed)
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    evaluator = Lightning(
        Classifier.from_settings(Search(epochs=EPOCHS, lr=0.1)),
        Trainer(max_epochs=EPOCHS, accelerator="cpu", devices=1, **quiet),
        train_dataloaders=loader(24, 2 * seed),
        val_dataloaders=loader(24, 2 * seed + 1),
    )
    strategy = DifferentiableStrategy(with_outer_options(recipe, arch_lr=0.15))
    strategy.search(PlantedSpace(), evaluator)
    return strategy


def is_found(strategy: DifferentiableStrategy) -> bool:
    """Whether the derived cell is the answer, in whatever order it lists its inputs."""
    sample = strategy.oneshot_module.export()
    return {**sample, "normal/inputs": sorted(sample["normal/inputs"])}.items() >= ANSWER.items()
