"""What a search asks of Lightning's trainer, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import islice
from typing import Any

from torch.optim import Optimizer

from nni_darts.errors import ConfigError


def weight_optimizer(trainer: Any) -> Optimizer:
    """The evaluator's own optimiser."""
    found = [o for o in trainer.optimizers if not getattr(o, "is_arch_optimizer", False)]
    if len(found) != 1:
        raise ConfigError(f"the evaluator must configure one weight optimiser; it has {len(found)}.")
    optimizer: Optimizer = found[0]
    return optimizer


def validation_batches(trainer: Any) -> Iterator[Any]:
    """What the supernet is validated on, on its device."""
    loader = trainer.val_dataloaders or ()
    if hasattr(loader, "state_dict"):
        loader = copy(loader)  # its position is the training's, where it serves the architecture too
    limit = next(iter(trainer.num_val_batches), 0)
    for batch in islice(loader, None if limit == float("inf") else int(limit)):
        yield trainer.strategy.batch_to_device(batch)


def check_fit(trainer: Any) -> None:
    """Refuse to train on what the search cannot be trained on."""
    if trainer.world_size > 1:
        raise ConfigError(
            f"the search runs on one device; the trainer has {trainer.world_size}. "
            "Write devices=1 and search several seeds side by side instead."
        )
    if trainer.precision == "16-mixed":
        raise ConfigError(
            'precision "16-mixed" rescales losses, which the architecture gradient does not follow; '
            'write "32-true" or "bf16-mixed".'
        )


def check_accumulation(trainer: Any) -> None:
    """Refuse a trainer that adds up the gradients of several batches."""
    count = getattr(trainer, "accumulate_grad_batches", 1)
    if count != 1:
        raise ConfigError(
            f"accumulate_grad_batches: got {count}; weights and architecture take a step on every batch, "
            "so write 1 and a larger batch, with checkpoint_cells if memory is short."
        )


def lengthen(trainer: Any, epochs: int) -> None:
    """Add the epochs that a method has after those of the search."""
    loop = trainer.fit_loop
    if epochs and (loop.max_epochs is None or loop.max_epochs < 1):
        raise ConfigError(
            f"the method adds {epochs} epochs to those of the search, whose number is open; "
            "give the trainer max_epochs."
        )
    if epochs:
        loop.max_epochs += epochs
