from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from nni_darts.run.directory import Run
from nni_darts.training.callbacks import EpochCheckpoint
from nni_darts.training.checkpoint import read_checkpoint
from nni_darts.training.classifier import Classifier
from nni_darts.training.trainer import make_trainer

from .conftest import make_network, train_loader


class Marker(Callback):
    """Changes at the end of an epoch what the checkpoint must hold."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.model.head.bias.data.fill_(41.0)


class Late(Classifier):
    def on_train_epoch_end(self) -> None:
        self.model.head.bias.data.add_(1.0)


def test_it_is_written_after_all_that_happens_at_the_end_of_an_epoch(run: Run) -> None:
    module = Late(epochs=1)
    module.set_model(make_network())
    make_trainer(run, 1, "cpu", [EpochCheckpoint(run), Marker()]).fit(module, train_loader())
    assert read_checkpoint(run.checkpoint)["state_dict"]["_model.head.bias"].tolist() == [42.0] * 3
