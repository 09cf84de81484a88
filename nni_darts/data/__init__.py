"""Images as uint8 tensors in memory, split, augmented by whole batches, and served in a resumable order."""

from __future__ import annotations

from nni_darts.data.augment import Augment, Normalise
from nni_darts.data.dataset import Dataset
from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo
from nni_darts.data.load import load
from nni_darts.data.loader import BatchLoader
from nni_darts.data.split import split
from nni_darts.data.transforms import transforms

__all__ = [
    "Augment",
    "BatchLoader",
    "DataInfo",
    "Dataset",
    "Images",
    "Normalise",
    "load",
    "split",
    "transforms",
]
