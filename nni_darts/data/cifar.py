"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): torchvision's files, or folders of images."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nni_darts.config.data import CLASSES
from nni_darts.data.dataset import Dataset
from nni_darts.data.folder import open_tree
from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo
from nni_darts.data.tree import read_tree
from nni_darts.data.view import seen_by_network
from nni_darts.errors import ConfigError

if TYPE_CHECKING:
    from nni_darts.config.data import Data

SIDE = 32
STATISTICS = {
    # cnn/utils.py of quark0/darts; the usual constants for CIFAR-100.
    "cifar10": ((0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)),
    "cifar100": ((0.50707516, 0.48654887, 0.44091784), (0.26733429, 0.25643846, 0.27615047)),
}


def load_cifar(settings: Data) -> Dataset:
    """``settings.folder()`` holds train/<class> and test/<class>, or torchvision's files, or gets them."""
    root = settings.folder()
    assert root is not None  # CIFAR has a default place
    if (root / "train").is_dir() and (root / "test").is_dir():
        return _from_folders(settings, root)
    return _from_torchvision(settings, root)


def _dataset(
    settings: Data, class_names: tuple[str, ...], train: Images, open_test: Callable[[], Images]
) -> Dataset:
    side = settings.image_size or SIDE
    size, mean, std = seen_by_network(settings, 3, (side, side), lambda: STATISTICS[settings.name])
    info = DataInfo(settings.name, CLASSES[settings.name], 3, size, mean, std, class_names)
    return Dataset(info, train.scaled(side), lambda: open_test().scaled(side))


def _from_folders(settings: Data, root: Path) -> Dataset:
    train_tree = read_tree(root / "train")
    if len(train_tree.class_names) != CLASSES[settings.name]:
        raise ConfigError(
            f"data.root: {root / 'train'} has {len(train_tree.class_names)} classes, {settings.name} has "
            f"{CLASSES[settings.name]}; for other images set data.name: image_folder."
        )
    test_tree = read_tree(root / "test", train_tree.class_names)
    train, form = open_tree(train_tree, None)
    if (form.channels, form.size) != (3, (SIDE, SIDE)):
        raise ConfigError(
            f"data.root: {root / 'train'} holds {form.size[0]}x{form.size[1]} images of {form.channels} "
            f"channels, {settings.name} is {SIDE}x{SIDE} of 3; for other images set data.name: image_folder."
        )
    return _dataset(settings, train_tree.class_names, train, lambda: open_tree(test_tree, None, form)[0])


def _from_torchvision(settings: Data, root: Path) -> Dataset:
    from torchvision import datasets

    source = datasets.CIFAR10 if settings.name == "cifar10" else datasets.CIFAR100

    def part(train: bool) -> tuple[Images, tuple[str, ...]]:
        try:
            with _one_at_a_time(root):
                data = source(root=str(root), train=train, download=settings.download)
        except RuntimeError as error:
            raise ConfigError(
                f"data.root: {root} holds neither train/<class> and test/<class> nor "
                f"{source.base_folder}; give the folder that does, or set data.download: true."
            ) from error
        pixels = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        return Images.from_numpy(pixels, np.asarray(data.targets)), tuple(data.classes)

    train, class_names = part(train=True)
    return _dataset(settings, class_names, train, lambda: part(train=False)[0])


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Trials that start together would fetch into one folder at the same time."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".nni-darts.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
