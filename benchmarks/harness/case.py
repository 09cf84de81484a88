"""The configuration that every contender runs: sizes, precision, device, and the batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from search_spaces.operations import PRIMITIVES

Batch = tuple[Tensor, Tensor]

DTYPES = {"float32": "32-true", "bfloat16": "bf16-mixed", "float64": "64-true"}
"""Number format -> what Lightning calls it; bfloat16 is autocast over float32 weights."""


@dataclass(frozen=True)
class Case:
    """A DARTS search step; the defaults are the paper's network at a batch that a CPU can carry."""

    channels: int = 16
    layers: int = 8
    nodes: int = 4
    batch: int = 8
    image_size: int = 32
    dtype: str = "float32"
    device: str = "cpu"
    primitives: tuple[str, ...] = PRIMITIVES
    seed: int = 0

    def but(self, **changes: Any) -> Case:
        """The same case with some sizes changed."""
        return replace(self, **changes)

    @property
    def tensor_dtype(self) -> torch.dtype:
        """Of weights and images: autocast decides for itself what it rounds to bfloat16."""
        return torch.float64 if self.dtype == "float64" else torch.float32

    @property
    def kind(self) -> str:
        """``cpu``, ``cuda``, or ``meta`` for shapes without numbers."""
        return self.device.partition(":")[0]

    def batches(self, count: int = 4) -> list[dict[str, Batch]]:
        """Random images and labels for both levels, on the device, the same for every contender."""
        generator = torch.Generator().manual_seed(self.seed)
        return [{"train": self._batch(generator), "val": self._batch(generator)} for _ in range(count)]

    def _batch(self, generator: torch.Generator) -> Batch:
        shape = (self.batch, 3, self.image_size, self.image_size)
        images = torch.randn(shape, generator=generator).to(self.device, self.tensor_dtype)
        labels = torch.randint(0, 10, (self.batch,), generator=generator).to(self.device)
        return images, labels

    def __str__(self) -> str:
        operations = "" if self.primitives == PRIMITIVES else f", {len(self.primitives)} operations"
        return (
            f"C={self.channels}, {self.layers} cells, {self.nodes} nodes, batch {self.batch}, "
            f"{self.image_size}x{self.image_size}{operations}, {self.dtype}"
        )
