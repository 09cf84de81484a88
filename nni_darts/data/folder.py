"""Any folder of images: train/<class> and test/<class> or val/<class>, or one tree <class>, split here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nni_darts.data.cache import cached_format, cached_images, fingerprint
from nni_darts.data.dataset import Dataset
from nni_darts.data.decode import Format, decode, infer_format
from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo, channel_statistics
from nni_darts.data.split import split
from nni_darts.data.tree import Tree, read_tree
from nni_darts.data.view import seen_by_network
from nni_darts.errors import ConfigError

if TYPE_CHECKING:
    from nni_darts.config.data import Data

TRAIN_PORTION = 0.8
"""Share of a single tree that is for training; the rest is the test part."""


def load_folder(settings: Data) -> Dataset:
    """A folder of the user's; channels, size, classes, mean and deviation come from the training images."""
    root = settings.folder()
    if root is None:
        raise ConfigError("data.root: missing; data.name image_folder needs the folder of the images.")
    train_tree, test_tree, record = _trees(root, settings.split_seed)
    train, form = open_tree(train_tree, settings.image_size)
    size, mean, std = seen_by_network(
        settings, form.channels, form.size, lambda: channel_statistics(train.images)
    )
    info = DataInfo(
        name="image_folder",
        num_classes=len(train_tree.class_names),
        channels=form.channels,
        size=size,
        mean=mean,
        std=std,
        class_names=train_tree.class_names,
    )
    return Dataset(info, train, lambda: open_tree(test_tree, settings.image_size, form)[0], record)


def open_tree(tree: Tree, image_size: int | None, form: Format | None = None) -> tuple[Images, Format]:
    """The images of a tree, decoded or from the cache; ``form`` is inferred where it is not given."""
    key = fingerprint(tree, image_size=image_size, form=form and [form.channels, list(form.size)])
    if form is None:
        form = cached_format(key, lambda: infer_format(tree.root, tree.files, image_size))
    known = form
    images = cached_images(
        key, len(tree), known, lambda out: decode(tree.root, tree.files, known, image_size is not None, out)
    )
    return Images.from_numpy(images, tree.labels), form


def _trees(root: Path, split_seed: int) -> tuple[Tree, Tree, dict[str, list[str]]]:
    """Training part, test part, and the files of both where they were split here."""
    if not (root / "train").is_dir():
        whole = read_tree(root)
        train_index, test_index = split(whole.labels, TRAIN_PORTION, split_seed)
        train, test = whole.subset(train_index), whole.subset(test_index)
        return train, test, {"train_files": list(train.files), "test_files": list(test.files)}
    # ImageNet's labelled test images are those called val.
    test_root = next((root / name for name in ("test", "val") if (root / name).is_dir()), None)
    if test_root is None:
        raise ConfigError(
            f"data.root: {root} has train/ but no test/ or val/; add it, or give one tree <class>/ to split."
        )
    train = read_tree(root / "train")
    return train, read_tree(test_root, train.class_names), {}
