from __future__ import annotations

import logging
import math
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from nni_darts.config.training import Retrain
from nni_darts.errors import RunError
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.classifier import Classifier
from nni_darts.training.retrain import train_network
from nni_darts.training.trainer import make_trainer

from .conftest import TinyNetwork, make_network, train_loader, valid_loader


class Collector:
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def epoch(self, row: dict[str, float]) -> None:
        self.rows.append(dict(row))

    def final(self, result: dict) -> None:
        raise AssertionError("the final result is the stage's to report")


def test_what_a_training_leaves(run: Run, settings: Retrain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nni_darts")
    network, reporter = make_network(), Collector()
    metrics = train_network(network, train_loader(), valid_loader(), settings, run, reporter)

    table = pd.read_csv(run.path / "metrics.csv")
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["lr"].tolist() == pytest.approx([0.05 * (1 + math.cos(math.pi * e / 3)) for e in range(3)])
    assert metrics["valid_accuracy"] == table["valid_accuracy"].iloc[-1]
    assert metrics["train_loss"] < table["train_loss"].iloc[0]
    assert [list(row)[:2] for row in reporter.rows] == [["default", "epoch"]] * 3
    assert all(row["default"] == row["valid_accuracy"] for row in reporter.rows)
    assert "epoch 3/3  loss " in caplog.text and "eta 0:00:00" in caplog.text

    weights = safetensors.torch.load_file(run.path / "model.safetensors")
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
    assert list((run.path / "tensorboard").glob("events*"))
    assert not list(run.path.glob(".*")), "no leftovers of atomic writes"


def test_drop_path_grows_epoch_by_epoch(run: Run, settings: Retrain) -> None:
    network = make_network()
    train_network(network, train_loader(), None, settings, run, NullReporter())
    assert network.seen == pytest.approx([0.0] * 4 + [0.2 / 3] * 4 + [0.4 / 3] * 4)


class Steep(nn.Module):
    """Gradients far beyond the clip, of the main and of the auxiliary head alike."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Linear(36, 3)
        self.auxiliary = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = 100 * x.flatten(1)
        return (self.main(x), self.auxiliary(x)) if self.training else self.main(x)


def test_clipping_is_over_all_parameters_with_the_auxiliary_head(run: Run) -> None:
    torch.manual_seed(0)
    network = Steep()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settings = Retrain(epochs=1, lr=1.0, momentum=0, weight_decay=0, grad_clip=5.0)
    train_network(network, train_loader(), None, settings, run, NullReporter(), limit_batches=1)
    moved = {name: (tensor - before[name]).norm() for name, tensor in network.state_dict().items()}
    assert torch.stack(list(moved.values())).norm().item() == pytest.approx(5.0, rel=1e-4)
    assert moved["auxiliary.weight"] > 0.1


def test_the_seed_decides_and_nothing_drawn_before(tmp_path: Path, settings: Retrain) -> None:
    def result(name: str, drawn: int, seed: int) -> list[Tensor]:
        network = make_network()
        torch.rand(drawn)
        run = Run.create(tmp_path / name, "retrain/0")
        train_network(network, train_loader(), None, settings, run, NullReporter(), seed=seed)
        return list(network.parameters())

    first, same, other = result("a", 1, 0), result("b", 2, 0), result("c", 1, 1)
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_one_epoch_equals_the_loop_written_by_hand(run: Run) -> None:
    """SGD, auxiliary loss, label smoothing and clipping, batch by batch in the loader's order."""
    settings = Retrain(epochs=1, lr=0.5, label_smoothing=0.1, grad_clip=0.3)
    network = make_network()
    train_network(network, train_loader(), None, settings, run, NullReporter(), seed=4)

    expected = make_network()
    torch.manual_seed(4)
    optimizer = torch.optim.SGD(expected.parameters(), 0.5, momentum=0.9, weight_decay=3e-4)
    for x, y in train_loader():
        logits, auxiliary = expected(x)
        smoothed = nn.CrossEntropyLoss(label_smoothing=0.1)
        optimizer.zero_grad()
        (smoothed(logits, y) + 0.4 * smoothed(auxiliary, y)).backward()
        nn.utils.clip_grad_norm_(expected.parameters(), 0.3)
        optimizer.step()
    for a, b in zip(network.state_dict().values(), expected.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


class Exploding(TinyNetwork):
    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits, auxiliary = super().forward(x)
        return logits * (math.nan if len(self.seen) > 6 else 1), auxiliary


def test_a_nan_loss_keeps_the_last_good_epoch(run: Run, settings: Retrain) -> None:
    with pytest.raises(RunError, match="became NaN or infinite in epoch 1"):
        train_network(Exploding(), train_loader(), None, settings, run, NullReporter())
    assert pd.read_csv(run.path / "metrics.csv")["epoch"].tolist() == [0]
    weights = torch.load(run.checkpoint, weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert not (run.path / "model.safetensors").exists()
    assert not list(run.path.glob(".*"))


def test_bf16_runs_on_the_cpu(run: Run, settings: Retrain) -> None:
    short = settings.model_copy(update={"epochs": 1})
    metrics = train_network(
        make_network(), train_loader(), valid_loader(), short, run, NullReporter(), precision="bf16-mixed"
    )
    assert math.isfinite(metrics["valid_loss"])


def test_test_step_counts_like_validation(run: Run) -> None:
    module = Classifier(epochs=1)
    module.set_model(make_network())
    make_trainer(run, 1, "cpu").test(module, valid_loader(), verbose=False)
    assert module.valid_scores.compute()["top5"] == 100


def test_bars_only_on_a_terminal_and_not_under_nni(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NNI_PLATFORM", raising=False)
    assert make_trainer(run, 1, "cpu").progress_bar_callback is not None
    monkeypatch.setenv("NNI_PLATFORM", "local")
    assert make_trainer(run, 1, "cpu").progress_bar_callback is None
