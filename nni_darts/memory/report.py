"""Say before a search begins how much memory it takes, and refuse what does not fit."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
import torch

from nni_darts.errors import ConfigError
from nni_darts.memory.estimate import Estimate, estimate_step, gigabytes

logger = logging.getLogger(__name__)


class MemoryReport(pl.Callback):
    """Estimates the first step of a training when its batch is there, before anything is computed.

    A search in phases is several trainings. ``estimate`` is the largest so far, None before the first.

    Raises
    ------
    ConfigError
        The step does not fit into what is free on the GPU.
    """

    def __init__(self) -> None:
        self.estimate: Estimate | None = None
        self._due = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._due = True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: dict[str, Any], batch_idx: int
    ) -> None:
        if not self._due:
            return
        self._due = False
        state = pl_module.state
        state.train_batch, state.valid_batch = batch["train"], batch["val"]
        found = estimate_step(state, pl_module.recipe.architect, trainer.precision_plugin.train_step_context)
        if self.estimate is None or found.total > self.estimate.total:
            self.estimate = found
        if pl_module.device.type == "cuda":
            free = free_bytes(pl_module.device)
            logger.info("%s; %s are free on %s.", found, gigabytes(free), pl_module.device)
            refuse_what_does_not_fit(found, free, str(pl_module.device))
        else:
            logger.info("%s.", found)


def free_bytes(device: torch.device) -> int:
    """What a step may still allocate: free for everyone, or held by torch and not in use."""
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held


def refuse_what_does_not_fit(estimate: Estimate, free: int, device: str) -> None:
    """Compare a step's activations with what is free once the weights are there."""
    if estimate.activations <= free:
        return
    fits = estimate.largest_batch(free)
    advice = f"write a search.batch_size of at most {fits}" if fits >= 1 else "use a smaller space"
    if estimate.rows is None:  # a language model has no cells to checkpoint
        advice += ", or search.checkpoint_cells: true, which keeps much less"
    raise ConfigError(
        f"a search step needs about {gigabytes(estimate.activations)} of memory for "
        f"{estimate.size}, but {gigabytes(free)} are free on {device}; {advice}."
    )
