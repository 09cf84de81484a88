"""NNI's own evaluator of images, on few and small ones."""

from __future__ import annotations

import logging
from typing import Any

import torch
from nni.nas.evaluator.pytorch import Classification, DataLoader
from torch.utils.data import TensorDataset


def loader(images: int = 24) -> DataLoader:
    """Noise of 8x8 pixels in three classes, batches of 8."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(images, 1, 8, 8, generator=generator)
    y = torch.randint(0, 3, (images,), generator=generator)
    return DataLoader(TensorDataset(x, y), batch_size=8)


def evaluator(**options: Any) -> Classification:
    """Two epochs; ``options`` go before."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    defaults = {
        "learning_rate": 0.1,
        "optimizer": torch.optim.SGD,
        "num_classes": 3,
        "train_dataloaders": loader(),
        "val_dataloaders": loader(16),
        "max_epochs": 2,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
    }
    return Classification(**{**defaults, **options})
