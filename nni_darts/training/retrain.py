"""A discrete network trained from scratch, as cnn/train.py of quark0/darts trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytorch_lightning import seed_everything
from torch import nn

from nni_darts.data.loader import BatchLoader
from nni_darts.data.text import Windows
from nni_darts.run.directory import Run
from nni_darts.run.reporter import Reporter
from nni_darts.training.callbacks import BestWeights, EpochCheckpoint, EpochLength, EpochReport, StopOnSignal
from nni_darts.training.classifier import Classifier
from nni_darts.training.evaluate import evaluate
from nni_darts.training.trainer import make_trainer
from nni_darts.training.weights import write_weights

if TYPE_CHECKING:
    from nni.nas.evaluator.pytorch import LightningModule as TrainingModule

    from nni_darts.config.training import Training

__all__ = ["evaluate", "train_network"]


def train_network(
    network: nn.Module,
    train_loader: BatchLoader | Windows,
    valid_loader: BatchLoader | Windows | None,
    settings: Training,
    run: Run,
    reporter: Reporter,
    *,
    seed: int = 0,
    device: str = "cpu",
    precision: str = "32",
    limit_batches: int | None = None,
    metadata: Mapping[str, str] | None = None,
    module: TrainingModule | None = None,
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
        Where the numbers and the checkpoint go; the weights are ``model.safetensors``.
    seed
        Of drop path and of whatever else the network draws.
    device, precision, limit_batches
        As for :func:`make_trainer`.
    metadata
        Kept in the checkpoint; ``architecture`` must be the same when the run continues.
    module
        Defines the loss, without its network; None for a classifier as ``settings`` say. Where it knows
        whether an evaluation ``is_best``, the weights written are those of the best evaluation.

    Returns
    -------
    dict
        ``train_*`` and ``valid_*`` numbers of the LAST epoch.

    Raises
    ------
    RunError
        The loss is not a number; the run keeps the checkpoint of the last good epoch.
    Interrupted
        A signal came; the checkpoint holds the state after the last finished batch.
    """
    seed_everything(seed, verbose=False)
    module = module or Classifier.from_settings(settings)
    module.set_model(network)
    best = [BestWeights(run, module)] if hasattr(module, "is_best") else []
    checkpoint = EpochCheckpoint(run, metadata)
    trainer = make_trainer(
        run,
        settings.epochs,
        device,
        [EpochLength(), EpochReport(run, reporter), *best, checkpoint, StopOnSignal(checkpoint)],
        precision,
        settings.grad_clip,
        limit_batches,
    )
    trainer.fit(module, train_loader, valid_loader, ckpt_path=checkpoint.resume_path())
    if not best:
        write_weights(network, run)
    metrics: dict[str, float] = module.epoch_metrics()
    return metrics
