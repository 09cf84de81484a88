"""SIGINT and SIGTERM end a training after the current batch, with a checkpoint."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from nni_darts.errors import Interrupted
from nni_darts.training.callbacks.epoch_checkpoint import EpochCheckpoint

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopOnSignal(Callback):
    """Finishes the batch, saves, and raises ``Interrupted``; NNI kills five seconds after its SIGINT.

    A second signal acts as it would without this callback. Outside of the main thread Python allows no
    handlers, and :meth:`request` is the only way to stop.
    """

    def __init__(self, checkpoint: EpochCheckpoint) -> None:
        self.checkpoint = checkpoint
        self._requested = ""
        self._handlers: dict[signal.Signals, Any] = {}

    def request(self, reason: str) -> None:
        """Stop after the current batch."""
        self._requested = reason

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._receive) for number in SIGNALS}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # After the last batch come validation or the end of the epoch, which stop and save themselves.
        if self._requested and not trainer.is_last_batch:
            self.checkpoint.save(trainer)
            self._stop(f"in epoch {trainer.current_epoch} after batch {batch_idx}")

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_args: Any, **_kwargs: Any
    ) -> None:
        if self._requested and trainer.state.fn == "fit":
            self.checkpoint.save(trainer)
            self._stop(f"in the validation of epoch {trainer.current_epoch}")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._requested:
            self._stop(f"before epoch {trainer.current_epoch}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Not later: Lightning gives back the handlers that it found before its own ones.
        self._restore()
        if self._requested:
            self._stop("after the last epoch")

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        logger.warning("%s: finishing this batch, then saving; send it again to end at once", name)
        self.request(name)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers = {}

    def _stop(self, place: str) -> None:
        raise Interrupted(
            f"stopped by {self._requested} {place}; the checkpoint is {self.checkpoint.run.checkpoint}."
        )
