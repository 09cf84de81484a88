"""scikit-learn's digits: 1,797 grey images of 8x8 pixels that come with the library."""

from __future__ import annotations

import numpy as np

from nni_darts.data.dataset import Dataset
from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo, channel_statistics
from nni_darts.data.split import split

TRAIN_PORTION = 0.8
"""The set has no test part of its own: a fixed stratified fifth of it is ours, the same in every run."""


def load_digits() -> Dataset:
    """Values 0..16 become 0..255; 1,438 training and 359 test images."""
    from sklearn.datasets import load_digits as sklearn_digits

    data = sklearn_digits()
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, None]
    whole = Images.from_numpy(pixels, data.target)
    train_index, test_index = split(whole.labels, TRAIN_PORTION, seed=0)
    train = whole.subset(train_index)
    mean, std = channel_statistics(train.images)
    info = DataInfo(
        name="digits",
        num_classes=10,
        channels=1,
        size=(8, 8),
        mean=mean,
        std=std,
        class_names=tuple(str(name) for name in data.target_names),
    )
    return Dataset(info, train, lambda: whole.subset(test_index), {"test_index": test_index.tolist()})
