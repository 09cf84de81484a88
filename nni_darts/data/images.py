"""A set of labelled images, decoded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nni_darts.data.transfer import sent

IN_MEMORY = 2 * 2**30
"""Bytes of images that are copied, whole, to where they are used; more stay in their file."""

PORTION = 4096
"""Images of a file that are read at once."""


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images of one size, small enough for memory or in a memory-mapped file.

    Attributes
    ----------
    images
        uint8 [M, C, H, W]. More than ``IN_MEMORY`` of them (ImageNet at 256 pixels has 250 GB) are never
        copied unasked: ``subset`` and ``to`` leave them where they are, and only ``batch`` reads some.
    labels
        int64 [N], class numbers from 0, on the device that batches are for.
    rows
        int64 [N], where in ``images`` the image of each label is; None: in this order, and M is N.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4:
            found = f"{self.images.dtype} {list(self.images.shape)}"
            raise ValueError(f"images: want uint8 [N, C, H, W], got {found}")
        placed = self.images.shape[:1] if self.rows is None else self.rows.shape
        if self.labels.dtype != torch.int64 or self.labels.shape != placed:
            raise ValueError(f"labels: want int64 [N], got {self.labels.dtype} {list(self.labels.shape)}")

    @classmethod
    def from_numpy(cls, images: np.ndarray, labels: np.ndarray) -> Images:
        """``images`` uint8 [N, C, H, W] (may be memory-mapped), ``labels`` any integers [N]."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            pixels = torch.from_numpy(images)
        return cls(pixels, torch.from_numpy(labels.astype(np.int64)))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_large(self) -> bool:
        """Whether the images stay where they are."""
        return self.images.nbytes > IN_MEMORY

    def batch(self, where: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels of these positions, on the labels' device."""
        labels = self.labels[_beside(where, self.labels)]
        rows = _beside(where, self.images)
        if self.rows is not None:
            rows = self.rows[rows]
        return sent(self.images[rows], labels.device), labels

    def subset(self, indices: Sequence[int] | np.ndarray) -> Images:
        """The images of these indices: copied, unless they are large."""
        index = torch.as_tensor(np.asarray(indices, dtype=np.int64), device=self.labels.device)
        if self.is_large:
            rows = index.to(self.images.device)
            return Images(self.images, self.labels[index], rows if self.rows is None else self.rows[rows])
        return Images(*self.batch(index))

    def scaled(self, side: int) -> Images:
        """The same images as squares of ``side`` pixels: bicubic, with antialiasing."""
        if self.images.shape[-2:] == (side, side):
            return self
        from torchvision.transforms.v2 import InterpolationMode, Resize

        resize = Resize([side, side], InterpolationMode.BICUBIC, antialias=True)
        parts = [resize(part) for part in self.images.split(PORTION)]
        return Images(torch.cat(parts), self.labels)

    def to(self, device: torch.device | str, resident: bool | None = None) -> Images:
        """The same images for batches on ``device``.

        ``resident``: whether they are copied there, or only the images of a batch at a time; None: copied
        unless they are large.
        """
        labels = self.labels.to(device)
        if not (not self.is_large if resident is None else resident):
            return Images(self.images, labels, self.rows)
        if self.rows is None:
            return Images(self.images.to(device), labels)
        pixels = torch.empty((len(self.rows), *self.images.shape[1:]), dtype=torch.uint8, device=device)
        for target, rows in zip(pixels.split(PORTION), self.rows.split(PORTION), strict=True):
            target.copy_(self.images[rows])
        return Images(pixels, labels)


def _beside(where: slice | Tensor, tensor: Tensor) -> slice | Tensor:
    return sent(where, tensor.device) if isinstance(where, Tensor) else where
