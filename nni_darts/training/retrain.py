"""A discrete network trained from scratch, as cnn/train.py of quark0/darts trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import safetensors.torch
from pytorch_lightning import seed_everything
from torch import nn

from nni_darts.data.loader import BatchLoader
from nni_darts.run.directory import Run
from nni_darts.run.files import write_bytes
from nni_darts.run.reporter import Reporter
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from nni_darts.training.classifier import Classifier
from nni_darts.training.evaluate import evaluate
from nni_darts.training.trainer import make_trainer

if TYPE_CHECKING:
    from nni_darts.config.training import Training

__all__ = ["evaluate", "train_network"]


def train_network(
    network: nn.Module,
    train_loader: BatchLoader,
    valid_loader: BatchLoader | None,
    settings: Training,
    run: Run,
    reporter: Reporter,
    *,
    seed: int = 0,
    device: str = "cpu",
    precision: str = "32",
    limit_batches: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Train for ``settings.epochs`` epochs, continuing the run's checkpoint where there is one.

    Parameters
    ----------
    network
        Freshly initialised.
    train_loader, valid_loader
        Validation, where given, is measured every epoch and chooses nothing here.
    settings
        A ``select`` or ``retrain`` section.
    run, reporter
        Where the numbers and the checkpoint go; the final weights are ``model.safetensors``.
    seed
        Of drop path and of whatever else the network draws.
    device, precision, limit_batches
        As for :func:`make_trainer`.
    metadata
        Kept in the checkpoint; ``architecture`` must be the same when the run continues.

    Returns
    -------
    dict
        ``train_*`` and ``valid_*`` numbers of the LAST epoch: no best epoch is picked.

    Raises
    ------
    RunError
        The loss is not a number; the run keeps the checkpoint of the last good epoch.
    Interrupted
        A signal came; the checkpoint holds the state after the last finished batch.
    """
    seed_everything(seed, verbose=False)
    classifier = Classifier.from_settings(settings)
    classifier.set_model(network)
    checkpoint = EpochCheckpoint(run, metadata)
    trainer = make_trainer(
        run,
        settings.epochs,
        device,
        [EpochReport(run, reporter), checkpoint, StopOnSignal(checkpoint)],
        precision,
        settings.grad_clip,
        limit_batches,
    )
    trainer.fit(classifier, train_loader, valid_loader, ckpt_path=checkpoint.resume_path())
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(run.path / "model.safetensors", safetensors.torch.save(weights))
    return classifier.epoch_metrics()
