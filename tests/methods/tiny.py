"""Whole searches of a few steps for tests of methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from nni.nas.evaluator.pytorch import Lightning, Trainer
from nni.nas.nn.pytorch import ModelSpace
from pytorch_lightning.callbacks import Checkpoint

from nni_darts.config.search import Search
from nni_darts.genotype import PRIMITIVES
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.recipe import Recipe
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace
from tests.capture.searches import loader


def tiny_space(primitives: Sequence[str] = PRIMITIVES, **macro: Any) -> DartsSpace:
    """One reduction cell of one node for the images of :func:`searched`, weights drawn with seed 0."""
    torch.manual_seed(0)
    macro = {"init_channels": 2, "layers": 1, "nodes": 1, "num_classes": 3, "in_channels": 1, **macro}
    return DartsSpace(primitives=primitives, **macro)


def searched(
    recipe: Recipe,
    space: ModelSpace | None = None,
    epochs: int = 2,
    callbacks: Sequence[pl.Callback] = (),
    arch_lr: float = 0.05,
    fit: dict[str, Any] | None = None,
    trainer: dict[str, Any] | None = None,
    **options: Any,
) -> DifferentiableStrategy:
    """Search with seed 0 on 8x8 images of three classes; an epoch has two steps of both levels."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(0)
    space = space if space is not None else tiny_space()
    evaluator = Lightning(
        Classifier.from_settings(Search(epochs=epochs, lr=0.2, batch_size=4)),
        Trainer(
            max_epochs=epochs,
            callbacks=list(callbacks),
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **(trainer or {}),
        ),
        train_dataloaders=loader(8, 0),
        val_dataloaders=loader(8, 1),
        fit_kwargs=fit or {},
    )
    strategy = DifferentiableStrategy(recipe.but(outer_optimiser=OuterOptimiser(arch_lr)), **options)
    strategy.search(space, evaluator)
    return strategy


def state_of(strategy: DifferentiableStrategy) -> dict[str, torch.Tensor]:
    """Weights, running statistics and architecture parameters after a search."""
    return dict(strategy.oneshot_module.state_dict())


def is_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two states are the same to the bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
