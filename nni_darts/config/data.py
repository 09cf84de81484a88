"""Settings of the data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from nni_darts.config.section import Count, Index, Section, Seed, Share, Text, number_of

TEXTS = {
    "ptb": "the Penn Treebank's three texts (ptb.train.txt ...), words divided by white space",
    "wikitext2": "WikiText-2's three texts (wiki.train.tokens ...)",
    "text": "your own three texts: files of a folder with train, valid and test in their names",
}

DATASETS = {
    "digits": "scikit-learn's 8x8 grey digits, 1,797 images, built in",
    "cifar10": "CIFAR-10, torchvision's files or a folder train/<class>, test/<class>",
    "cifar100": "CIFAR-100, torchvision's files or a folder train/<class>, test/<class>",
    "image_folder": "your own images: train/<class>/, test/<class>/ (or val/), or one tree <class>/, split",
    **TEXTS,
}

KNOWN_SIZES = {"digits": 8, "cifar10": 32, "cifar100": 32}
"""Height and width in pixels of the data sets whose images always have the same size."""

IMAGENET_SIZE = 256
"""Side in pixels that train_imagenet.py scales images to; of it, seven eighths are the network's."""

SCALED = ("image_folder", "cifar10", "cifar100")
"""Data sets whose images can be stored as squares of another size."""

CLASSES = {"digits": 10, "cifar10": 10, "cifar100": 100}


DEFAULTS: dict[str, dict[str, Any]] = {
    # A mirrored digit is another digit or none, and four of eight pixels would cut it in half.
    "digits": {"flip": False, "crop_padding": 1},
}
"""What a data set needs instead of the augmentation made for CIFAR."""


class Data(Section):
    """Which images, and how they are split and augmented; or which texts."""

    name: Text = Field(
        default="digits", description="a known data set, or package.module:function giving (train, test)"
    )
    root: Text | None = Field(default=None, description="folder of the images or texts; see folder()")
    lines: Count | None = Field(default=None, description="of the training text to take; null: all")
    download: bool = Field(default=False, description="fetch CIFAR with torchvision when it is not there")
    train_portion: Share = Field(
        default=0.5, description="share of the training images that trains weights (DARTS, 3.1)"
    )
    split_seed: Seed = 0
    image_size: Count | None = Field(
        default=None, description="pixels; images of a folder and of CIFAR are scaled to this square"
    )
    crop_padding: Index = Field(
        default=4, description="pixels of zero padding before the random crop (train_search.py)"
    )
    flip: bool = Field(default=True, description="random horizontal flip (train_search.py)")
    augmentation: Literal["cifar", "imagenet"] = Field(
        default="cifar", description="imagenet: random resized crops and colour jitter (train_imagenet.py)"
    )
    crop_size: Count | None = Field(
        default=None, description="pixels of the square that the network sees; only with imagenet, there 7/8"
    )

    @property
    def is_known(self) -> bool:
        """Whether ``name`` is one of ours, not a dotted name of the user's."""
        return self.name in DATASETS

    @property
    def is_text(self) -> bool:
        """Whether the data are texts for language models, not images."""
        return self.name in TEXTS

    @property
    def size(self) -> int | None:
        """Pixels of a side as the network sees it, where that is known without looking at the images."""
        return self.crop_size or self.image_size or KNOWN_SIZES.get(self.name)

    def folder(self) -> Path | None:
        """Where the files lie: ``root``, else ``$NNI_DARTS_DATA/<name>``, else ``~/.cache/nni-darts``."""
        if self.root is not None:
            return Path(self.root).expanduser()
        if self.name not in ("cifar10", "cifar100", "ptb", "wikitext2"):
            return None
        shared = os.environ.get("NNI_DARTS_DATA")
        return Path(shared) / self.name if shared else Path("~/.cache/nni-darts").expanduser()


def data_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the given data settings need instead of the defaults, which are made for CIFAR."""
    name = str(given.get("name", Data().name))
    if given.get("augmentation") != "imagenet" or name not in SCALED:
        return DEFAULTS.get(name, {})
    side = number_of(given.get("image_size", IMAGENET_SIZE))
    crop = {"crop_size": max(side * 7 // 8, 1)} if isinstance(side, int) else {}
    # Crops come from the image itself, without padding.
    return {"image_size": side, "crop_padding": 0, **crop}
