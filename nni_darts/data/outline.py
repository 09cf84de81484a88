"""What is known of a data set before its images are read: for a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nni_darts.config.data import CLASSES
from nni_darts.data.decode import infer_format
from nni_darts.data.info import DataInfo
from nni_darts.data.load import load
from nni_darts.data.tree import Tree, read_tree
from nni_darts.data.view import seen_by_network

if TYPE_CHECKING:
    from nni_darts.config.data import Data

CIFAR_TRAINING = 50_000


@dataclass(frozen=True, eq=False)
class Outline:
    """Of the training images.

    Attributes
    ----------
    info
        Mean and deviation are not known where ``source`` is not ``read``; they are 0 and 1 then.
    labels
        Class numbers [N].
    source
        ``read``; ``files counted``: names of files, and the head of the first; ``known sizes``: nothing.
    """

    info: DataInfo
    labels: np.ndarray
    source: str


def outline(settings: Data) -> Outline:
    """Classes, channels, size and number of the images that ``settings`` names.

    CIFAR that is not there yet is known all the same. A user's own pair and digits are loaded: there is no
    other way to know them, and they are small.

    Raises
    ------
    ConfigError
        As for :func:`nni_darts.data.load`, but damaged images are not noticed.
    """
    root = settings.folder()
    if settings.name in ("cifar10", "cifar100"):
        if root is not None and (root / "train").is_dir():
            return _of_tree(settings, read_tree(root / "train"))
        classes = CLASSES[settings.name]
        labels = np.repeat(np.arange(classes), CIFAR_TRAINING // classes)
        names = tuple(map(str, range(classes)))
        return Outline(_info(settings, names, 3, (32, 32)), labels, "known sizes")
    if settings.name == "image_folder" and root is not None:
        return _of_tree(settings, read_tree(root / "train" if (root / "train").is_dir() else root))
    data = load(settings)
    return Outline(data.info, data.train.labels.numpy(), "read")


def _of_tree(settings: Data, tree: Tree) -> Outline:
    form = infer_format(tree.root, tree.files[:1], settings.image_size)
    info = _info(settings, tree.class_names, form.channels, form.size)
    return Outline(info, tree.labels, "files counted")


def _info(settings: Data, classes: tuple[str, ...], channels: int, size: tuple[int, int]) -> DataInfo:
    side = settings.image_size
    stored = size if side is None else (side, side)
    unknown = ((0.0,) * channels, (1.0,) * channels)
    seen, mean, std = seen_by_network(settings, channels, stored, lambda: unknown)
    return DataInfo(settings.name, len(classes), channels, seen, mean, std, classes)
