"""Epochs of different numbers of batches."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.utilities.data import sized_len


class EpochLength(pl.Callback):
    """Tells Lightning how many batches the epoch that begins has; by itself it counts one epoch for all.

    Only for loaders that know it (``len``) and say by an attribute ``varies`` that it changes.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A resumed epoch was counted before its loader knew which epoch it is.
        self._count(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._count(trainer)

    def _count(self, trainer: pl.Trainer) -> None:
        loop = trainer.fit_loop
        # No public property gives the loaders with their limits.
        combined, fetcher = loop._combined_loader, loop._data_fetcher
        if combined is None or not any(getattr(loader, "varies", False) for loader in combined.flattened):
            return
        most = trainer.limit_train_batches
        most = most if isinstance(most, int) else float("inf")
        lengths = [sized_len(loader) for loader in combined.flattened]
        combined.limits = [most if length is None else min(length, most) for length in lengths]
        batches = int(min(combined.limits))
        loop.max_batches = trainer.val_check_batch = batches
        if fetcher is not None:
            fetcher.length = batches
