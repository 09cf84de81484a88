from __future__ import annotations

from types import SimpleNamespace

from nni_darts.training.callbacks.epoch_report import epoch_line, epoch_metrics


def test_the_line_can_be_grepped() -> None:
    row = {
        "epoch": 11,
        "train_loss": 1.2345,
        "train_accuracy": 62.07,
        "valid_loss": 1.31,
        "valid_accuracy": 58.4,
        "lr": 0.021,
        "entropy": 1.87,
        "seconds": 31.24,
    }
    assert epoch_line(row, 50) == (
        "epoch 12/50  loss 1.234/1.31  accuracy 62.07/58.4  lr 0.021  entropy 1.87  31.2 s  eta 0:19:47"
    )


def test_metrics_come_from_the_root_or_from_what_it_wraps() -> None:
    inner = SimpleNamespace(epoch_metrics=lambda: {"train_loss": 1.0})
    assert epoch_metrics(inner) == {"train_loss": 1.0}
    assert epoch_metrics(SimpleNamespace(training_module=inner)) == {"train_loss": 1.0}
    outer = SimpleNamespace(epoch_metrics=lambda: {"train_loss": 2.0}, training_module=inner)
    assert epoch_metrics(outer) == {"train_loss": 2.0}
    assert epoch_metrics(SimpleNamespace()) == {}
