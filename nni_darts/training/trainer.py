"""The Lightning trainer, set up the same way for search and retraining."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from nni.nas.evaluator.pytorch import Trainer
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.loggers import TensorBoardLogger

from nni_darts.run.directory import Run
from nni_darts.training.checkpoint import PlainCheckpointIO


def make_trainer(
    run: Run,
    epochs: int,
    device: str,
    callbacks: Sequence[Callback] = (),
    precision: str = "32",
    gradient_clip: float | None = None,
    limit_batches: int | None = None,
) -> Any:
    """NNI's traced ``Trainer`` on one device, with TensorBoard events in ``run.path/tensorboard``.

    Parameters
    ----------
    run
        Where events and checkpoints go.
    epochs
        To train.
    device
        ``cpu`` or ``cuda:N``.
    callbacks
        Checkpoint callbacks run after the others.
    precision
        Lightning's, ``32`` or ``bf16-mixed``.
    gradient_clip
        Largest norm of all parameters' gradient; leave None where the module optimises manually.
    limit_batches
        Of training and of validation, an epoch.
    """
    kind, _, index = device.partition(":")
    # A bar needs a terminal; under NNI every line of it would land in the trial's log.
    bar = sys.stdout.isatty() and "NNI_PLATFORM" not in os.environ
    limits = {} if limit_batches is None else dict.fromkeys(("train", "val"), limit_batches)
    return Trainer(
        max_epochs=epochs,
        accelerator="gpu" if kind == "cuda" else kind,
        devices=[int(index or 0)] if kind == "cuda" else 1,
        precision=precision,
        gradient_clip_val=gradient_clip,
        callbacks=list(callbacks),
        plugins=[PlainCheckpointIO()],
        logger=TensorBoardLogger(run.path, name="tensorboard", version=""),
        default_root_dir=run.path,
        enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
        enable_progress_bar=bar,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **{f"limit_{part}_batches": count for part, count in limits.items()},
    )
