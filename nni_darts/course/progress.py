"""How far a search in phases is, in every checkpoint."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.phases import Phase

KEY = "phase"
"""Where a checkpoint keeps how far a search in phases is."""


@dataclass(frozen=True)
class Progress:
    """How far a search in phases is.

    Attributes
    ----------
    phase
        The one that is trained.
    first_epoch
        The trainer's epoch in which it began.
    epochs
        Its length.
    seed
        Of the whole search; that of every later phase's weights follows from it.
    """

    phase: Phase
    first_epoch: int
    epochs: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """What a checkpoint may hold."""
        return {**asdict(self), "phase": self.phase.to_dict()}

    @classmethod
    def of(cls, checkpoint: dict[str, Any]) -> Progress | None:
        """From a checkpoint's content; None where its search has no phases."""
        found = checkpoint.get(KEY)
        return None if found is None else cls(**{**found, "phase": Phase(**found["phase"])})


class KeepProgress(pl.Callback):
    """Writes into every checkpoint of which phase it is."""

    progress: Progress

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[KEY] = self.progress.to_dict()


def stored(path: Any, length: int) -> Progress | None:
    """How far the search of a checkpoint is, whose phases are to have ``length`` epochs; None without one.

    Raises
    ------
    ConfigError
        The file cannot be read, or is of another kind of search.
    """
    if path is None:
        return None
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ConfigError(f"checkpoint {path}: not readable as tensors and plain values.") from error
    progress = Progress.of(checkpoint)
    if progress is None:
        raise ConfigError(
            f"checkpoint {path}: of a search without phases; continue it with the method it was written by."
        )
    if progress.epochs != (progress.phase.epochs or length):
        raise ConfigError(
            f"checkpoint {path}: written with {progress.epochs} epochs a phase, this search has {length}; "
            f"set epochs: {progress.epochs}, or begin anew in another folder."
        )
    return progress
