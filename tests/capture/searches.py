"""Tiny searches, with and without recordings."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from nni.nas.evaluator.pytorch import Lightning, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from nni_darts.capture import Graphs
from nni_darts.config.search import Search
from nni_darts.darts import DARTS
from nni_darts.data import Augment, BatchLoader, DataInfo
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace
from tests.training.conftest import toy_images

PRIMITIVES = ("none", "skip_connect", "sep_conv_3x3", "max_pool_3x3")
INFO = DataInfo("toy", 3, 1, (8, 8), (0.5,), (0.3,), ("a", "b", "c"))


def images(count: int, seed: int) -> Any:
    found = toy_images(count, seed)
    padded = torch.nn.functional.pad(found.images, (1, 1, 1, 1))
    return type(found)(padded, found.labels)


def loader(count: int, seed: int) -> BatchLoader:
    return BatchLoader(images(count, seed), 4, Augment(INFO, crop_padding=1), shuffle=True, seed=seed)


class Watched(DARTS):
    """Keeps what records, and lets a test change the module before training."""

    graphs: Graphs | None = None

    def configure_oneshot_module(self, training_module: Any) -> Any:
        module = super().configure_oneshot_module(training_module)
        module.graphs = self.graphs
        return module


class Drawing(Classifier):
    """A step that draws random numbers, as dropout does."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return super().training_step((x + 0.1 * torch.randn_like(x), y), batch_idx)


def search(
    graphs: Graphs | None,
    order: int = 1,
    epochs: int = 3,
    batches: int = 3,
    rest: int = 2,
    callbacks: list[pl.Callback] | None = None,
    classifier: type[Classifier] = Classifier,
    capture: str = "auto",
    settings: dict[str, Any] | None = None,
    trainer: dict[str, Any] | None = None,
    fit: dict[str, Any] | None = None,
    recipe_parts: dict[str, Any] | None = None,
    snapshots: Path | None = None,
    **options: Any,
) -> Watched:
    """A whole search; an epoch has ``batches`` full batches of 4 images and one of ``rest``."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(0)
    space = DartsSpace(2, layers=1, nodes=1, num_classes=3, in_channels=1, primitives=PRIMITIVES)
    defaults = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks or ()),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    count = 4 * batches + rest
    evaluator = Lightning(
        classifier.from_settings(Search(epochs=epochs, lr=0.2, batch_size=4, **(settings or {}))),
        Trainer(max_epochs=epochs, callbacks=callbacks or [], **{**defaults, **(trainer or {})}),
        train_dataloaders=loader(count, 0),
        val_dataloaders=loader(count, 1),
        fit_kwargs=fit or {},
    )
    strategy = Watched(order=order, arch_lr=0.05, capture=capture, **{"gradient_clip_val": 0.5, **options})
    strategy.recipe = strategy.recipe.but(**(recipe_parts or {}))
    strategy.graphs, strategy.snapshots = graphs, snapshots
    strategy.search(space, evaluator)
    return strategy


def outcome(strategy: Watched) -> dict[str, Any]:
    """Everything a search leaves: weights, statistics, metrics, optimiser states, schedules, counters."""
    module = strategy.oneshot_module
    trainer = module.trainer
    states = [optimizer.state_dict() for optimizer in trainer.optimizers]
    return {
        "state": {name: tensor.clone() for name, tensor in module.state_dict().items()},
        "optimizers": [
            {(k, name): value for k, state in content["state"].items() for name, value in state.items()}
            for content in states
        ],
        "groups": [[{**g, "params": None} for g in content["param_groups"]] for content in states],
        "global step": trainer.global_step,
        "metrics": module.epoch_metrics(),
    }


def largest_difference(first: Any, second: Any) -> float:
    """Over all numbers and tensors of two outcomes of one structure; infinite where others differ."""
    if isinstance(first, Tensor):
        return float((first.double() - second.double()).abs().max()) if first.numel() else 0.0
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        return max((largest_difference(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        return max((largest_difference(a, b) for a, b in zip(first, second, strict=True)), default=0.0)
    if isinstance(first, float):
        return abs(first - second)
    return 0.0 if first == second else float("inf")
