"""A checkpoint after every epoch, from which a run continues to the very same result."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from nni_darts.data.load import info_from_dict
from nni_darts.errors import ConfigError
from nni_darts.run.directory import Run
from nni_darts.training.checkpoint import KEY, SCHEMA, PlainCheckpointIO, read_checkpoint
from nni_darts.training.random_state import random_state, restore_random_state

logger = logging.getLogger(__name__)


class EpochCheckpoint(Checkpoint):
    """Writes ``run.checkpoint`` at the end of every epoch, after all other callbacks.

    Besides Lightning's content it holds the global random states and, under ``nni_darts``, the schema,
    the task, the number of epochs and the metadata.

    Parameters
    ----------
    run
        Where the checkpoint lies, and the task it must be of.
    metadata
        Texts and numbers to keep with it, such as the architecture's and the settings' JSON. A
        checkpoint whose ``architecture`` or ``space`` differs is refused, and one whose ``data`` are of
        another kind: other classes, sizes or words.
    """

    def __init__(self, run: Run, metadata: Mapping[str, str | int | float] | None = None) -> None:
        self.run = run
        self.metadata = dict(metadata or {})
        self._random_state: dict[str, Any] | None = None

    def resume_path(self) -> str | None:
        """What to give to ``trainer.fit(ckpt_path=...)``: this task's checkpoint, or None to begin anew.

        A file of another task, or one that cannot be read, is left out with a warning.

        Raises
        ------
        ConfigError
            The checkpoint is this task's, but of another architecture, space, or kind of data.
        """
        path = self.run.checkpoint
        if not path.exists():
            return None
        try:
            found = read_checkpoint(path)[KEY]
        except ConfigError as error:
            logger.warning("%s It is ignored; the run begins anew.", error)
            return None
        if found["task"] != self.run.task:
            logger.warning(
                "checkpoint %s: of task %s, not of %s. It is ignored; the run begins anew.",
                *(path, found["task"], self.run.task),
            )
            return None
        for key in ("space", "architecture"):
            if key in self.metadata and found.get(key) != self.metadata[key]:
                raise ConfigError(
                    f"checkpoint {path}: written for another {key}; give the {key} it was written for, "
                    "or another run folder."
                )
        if "data" in self.metadata and "data" in found:
            now: Any = info_from_dict(json.loads(str(self.metadata["data"])))
            now.refuse_other(info_from_dict(json.loads(found["data"])))
        return str(path)

    def save(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint now; between batches, or after an epoch."""
        trainer.save_checkpoint(self.run.checkpoint, weights_only=False)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        files = trainer.strategy.checkpoint_io
        if isinstance(files, PlainCheckpointIO):
            files.module, files.epochs = pl_module, trainer.max_epochs

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["random_state"] = random_state()
        checkpoint[KEY] = {
            **self.metadata,
            "schema": SCHEMA,
            "task": self.run.task,
            "epochs": trainer.max_epochs,
        }
        if trainer.validating:
            _validate_again(checkpoint)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._random_state = checkpoint["random_state"]

    # The random states are restored where the uninterrupted run would read them next: at the start of an
    # epoch or, resumed in its middle, of a batch or of the validation. Whatever draws random numbers
    # before that does not matter.

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._restore()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._random_state = None  # of a training that was over already: not the next one's

    def _restore(self) -> None:
        if self._random_state is not None:
            restore_random_state(self._random_state)
            self._random_state = None


def _validate_again(checkpoint: dict[str, Any]) -> None:
    """Make Lightning go on with this epoch's validation, from its first batch.

    Validation changes nothing but its own counters, so that a run stopped inside it continues exactly by
    doing it again. Lightning does so when it finds its validation loop stopped within a batch.
    """
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]
    progress["current"] = {"ready": 0, "started": 0, "processed": 0, "completed": 0}
    progress["total"] = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
