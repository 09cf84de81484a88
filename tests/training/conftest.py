from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nni_darts.config.training import Retrain
from nni_darts.data import Augment, BatchLoader, DataInfo, Images, Normalise
from nni_darts.run.directory import Run

INFO = DataInfo("toy", 3, 1, (6, 6), (0.5,), (0.3,), ("a", "b", "c"))


class TinyNetwork(nn.Module):
    """Has what resuming must get right: running statistics, random drops, an auxiliary head."""

    drop_path_prob = 0.0

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, 3)
        self.auxiliary = nn.Linear(width, 3)
        self.seen: list[float] = []

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        features = self.stem(x).mean((2, 3))
        if not self.training:
            return self.head(features)
        self.seen.append(self.drop_path_prob)
        keep = torch.rand(len(x), 1, device=x.device) >= self.drop_path_prob / 2 + 0.1
        return self.head(features * keep), self.auxiliary(features)


def toy_images(count: int, seed: int) -> Images:
    """Noise whose brightness tells the class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    noise = random.integers(0, 100, (count, 1, 6, 6))
    return Images.from_numpy((noise + 70 * labels[:, None, None, None]).astype(np.uint8), labels)


def train_loader(before_batch: Callable[[int], None] = lambda number: None) -> BatchLoader:
    """14 images, batches of 4: four batches an epoch. ``before_batch`` gets 0, 1, 2, ... over all epochs."""
    augment = Augment(INFO, crop_padding=1, cutout_length=2)
    count = iter(range(10**9))

    def transform(batch: Tensor, generator: torch.Generator) -> Tensor:
        before_batch(next(count))
        return augment(batch, generator)

    return BatchLoader(toy_images(14, 0), 4, transform, shuffle=True, seed=5)


def valid_loader(before_batch: Callable[[int], None] = lambda number: None) -> BatchLoader:
    """10 images, batches of 4: three batches."""
    normalise = Normalise(INFO)
    count = iter(range(10**9))

    def transform(batch: Tensor, generator: torch.Generator) -> Tensor:
        before_batch(next(count))
        return normalise(batch)

    return BatchLoader(toy_images(10, 1), 4, transform, shuffle=False)


def make_network(seed: int = 0) -> TinyNetwork:
    torch.manual_seed(seed)
    return TinyNetwork()


@pytest.fixture
def settings() -> Retrain:
    return Retrain(epochs=3, lr=0.1, seeds=[0], label_smoothing=0.1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", "retrain/0")
