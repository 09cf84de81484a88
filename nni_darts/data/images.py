"""A set of labelled images, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Images:
    """``images``: uint8 [N, C, H, W]; ``labels``: int64 [N], class numbers from 0."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4:
            found = f"{self.images.dtype} {list(self.images.shape)}"
            raise ValueError(f"images: want uint8 [N, C, H, W], got {found}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels: want int64 [N], got {self.labels.dtype} {list(self.labels.shape)}")

    @classmethod
    def from_numpy(cls, images: np.ndarray, labels: np.ndarray) -> Images:
        """``images`` uint8 [N, C, H, W] (may be memory-mapped), ``labels`` any integers [N]."""
        return cls(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Images:
        """The images of these indices, copied."""
        index = torch.as_tensor(np.asarray(indices, dtype=np.int64), device=self.labels.device)
        return Images(self.images[index], self.labels[index])

    def scaled(self, side: int) -> Images:
        """The same images as squares of ``side`` pixels: bicubic, with antialiasing."""
        if self.images.shape[-2:] == (side, side):
            return self
        from torchvision.transforms.v2 import InterpolationMode, Resize

        resize = Resize([side, side], InterpolationMode.BICUBIC, antialias=True)
        parts = [resize(part) for part in self.images.split(4096)]
        return Images(torch.cat(parts), self.labels)

    def to(self, device: torch.device | str) -> Images:
        """The same images on ``device``: there the loader gathers and augments them."""
        return Images(self.images.to(device), self.labels.to(device))
