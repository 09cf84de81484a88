"""The same callbacks around NNI's one-shot module: a second-order search continues to the bit."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from nni.nas.evaluator.pytorch import Lightning
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor, nn

from nni_darts.config.search import Search
from nni_darts.darts import DARTS
from nni_darts.diagnostics import Diagnostics
from nni_darts.errors import Interrupted
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from nni_darts.training.checkpoint import read_checkpoint
from nni_darts.training.classifier import Classifier
from nni_darts.training.trainer import make_trainer

from .conftest import train_loader, valid_loader

BATCHES = 4


class TinySpace(ModelSpace):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.2))
        self.choice = LayerChoice({"conv": nn.Conv2d(4, 4, 3), "pool": nn.AvgPool2d(3, 1)}, label="op")
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.choice(self.stem(x)).mean((2, 3)))


def search(path: Path, in_train: Callable[[int], None] = lambda _: None, resume: bool = False) -> dict:
    run = Run.create(path, "search/0", resume=resume)
    torch.manual_seed(0)
    space = TinySpace()
    torch.manual_seed(99 if resume else 7)
    settings = Search(epochs=3, lr=0.1, batch_size=4)
    checkpoint = EpochCheckpoint(run)
    callbacks = [EpochReport(run, NullReporter()), checkpoint, StopOnSignal(checkpoint)]
    evaluator = Lightning(
        Classifier.from_settings(settings),
        make_trainer(run, settings.epochs, "cpu", callbacks),
        train_dataloaders=train_loader(in_train),
        val_dataloaders=valid_loader(),
        fit_kwargs={"ckpt_path": checkpoint.resume_path()},
    )
    return DARTS(order=2, arch_lr=0.05, diagnostics=Diagnostics(1, 1)).search(space, evaluator)


def outcome(path: Path) -> tuple:
    checkpoint = read_checkpoint(path / "last.ckpt")
    optimizers = [
        [value.tolist() for state in optimizer["state"].values() for value in state.values()]
        for optimizer in checkpoint["optimizer_states"]
    ]
    table = pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="seconds")
    weights = {name: tensor.tolist() for name, tensor in checkpoint["state_dict"].items()}
    return weights, optimizers, checkpoint["lr_schedulers"], table.to_csv()


@pytest.mark.parametrize("number", [1, BATCHES - 1, BATCHES, 2 * BATCHES + 1, 3 * BATCHES - 1])
def test_bit_identical(tmp_path: Path, number: int) -> None:
    sample = search(tmp_path / "whole")
    with pytest.raises(Interrupted):
        search(tmp_path / "stopped", lambda n: signal.raise_signal(signal.SIGINT) if n == number else None)
    assert search(tmp_path / "stopped", resume=True) == sample
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_the_report_is_of_the_weight_steps_alone(tmp_path: Path) -> None:
    search(tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert len(table) == 3
    # 14 training images an epoch: the architect's own evaluations would make the shares other than n/14.
    hits = table["train_accuracy"] * 14 / 100
    assert hits.tolist() == pytest.approx(hits.round().tolist(), abs=1e-6)
    checkpoint = read_checkpoint(tmp_path / "run" / "last.ckpt")
    assert checkpoint["state_dict"]["training_module.train_scores.sums"][3] == 14
