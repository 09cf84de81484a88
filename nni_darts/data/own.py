"""A pair of torch data sets that a function of the user's returns."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nni_darts.data.dataset import Dataset
from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo, channel_statistics
from nni_darts.errors import ConfigError


def load_own(name: str) -> Dataset:
    """``package.module:function``; the function takes nothing and returns (train, test).

    Both are map-style torch data sets of (image, label). An image is a PIL image, or an array or tensor
    [C, H, W] or [H, W]: uint8, or float in [0, 1] before any normalisation. Labels count from 0.
    """
    pair = _call(name)
    train = _images(name, "training", pair[0])
    num_classes = int(train.labels.max()) + 1
    present = torch.bincount(train.labels, minlength=num_classes)
    if (gaps := (present == 0).nonzero().flatten().tolist()) or num_classes < 2:
        what = f"no image has label {', '.join(map(str, gaps))}" if gaps else "all images have label 0"
        raise ConfigError(f"data.name: {name}: {what}; the labels must be 0, 1, ... without gaps, 2 or more.")
    mean, std = channel_statistics(train.images)
    _, channels, height, width = train.images.shape
    named = getattr(pair[0], "classes", None) or range(num_classes)
    class_names = tuple(str(label) for label in named)
    info = DataInfo(name, num_classes, channels, (height, width), mean, std, class_names)

    def open_test() -> Images:
        test = _images(name, "test", pair[1])
        if test.images.shape[1:] != train.images.shape[1:] or int(test.labels.max()) >= num_classes:
            raise ConfigError(
                f"data.name: {name}: the test images are {list(test.images.shape[1:])} with labels up to "
                f"{int(test.labels.max())}, the training images {list(train.images.shape[1:])} up to "
                f"{num_classes - 1}; both must agree."
            )
        return test

    return Dataset(info, train, open_test)


def _call(name: str) -> tuple[Any, Any]:
    module_name, _, function_name = name.partition(":")
    # A module beside the user's configuration is found from wherever the command was installed.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"data.name: {name} cannot be imported ({error}); give package.module:function."
        ) from error
    pair = function()
    is_pair = isinstance(pair, (tuple, list)) and len(pair) == 2
    if not is_pair or not all(hasattr(part, "__getitem__") for part in pair):
        raise ConfigError(f"data.name: {name}() must return two map-style data sets, (train, test).")
    return pair[0], pair[1]


def _images(name: str, part: str, data: Any) -> Images:
    if len(data) == 0:
        raise ConfigError(f"data.name: {name}: the {part} set is empty.")
    arrays, labels = [], []
    for index in range(len(data)):
        image, label = data[index]
        arrays.append(_pixels(f"data.name: {name}: image {index} of the {part} set", image))
        labels.append(int(label))
        if arrays[-1].shape != arrays[0].shape:
            raise ConfigError(
                f"data.name: {name}: image {index} of the {part} set is {list(arrays[-1].shape)}, the first "
                f"is {list(arrays[0].shape)}; all must have one size."
            )
    if min(labels) < 0:
        raise ConfigError(f"data.name: {name}: the {part} set has label {min(labels)}; labels count from 0.")
    return Images.from_numpy(np.stack(arrays), np.asarray(labels))


def _pixels(what: str, image: Any) -> np.ndarray:
    """uint8 [C, H, W]."""
    array = image.numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.ndim == 3 and not isinstance(image, (torch.Tensor, np.ndarray)):
        array = array.transpose(2, 0, 1)  # PIL: channels last
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        shape = list(array.shape)
        raise ConfigError(f"{what} has shape {shape}; want [C, H, W] with 1 or 3 channels, or [H, W].")
    if np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):
            raise ConfigError(
                f"{what} has values from {array.min():.3g} to {array.max():.3g}; want uint8, or floats in "
                "[0, 1]: leave normalisation and augmentation to nni-darts."
            )
        array = np.rint(array * 255)
    elif array.dtype != np.uint8:
        raise ConfigError(f"{what} has type {array.dtype}; want uint8, or floats in [0, 1].")
    return array.astype(np.uint8)
