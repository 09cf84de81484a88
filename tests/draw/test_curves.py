from __future__ import annotations

import re
from pathlib import Path

import pytest

from nni_darts.draw.alphas import plot_alphas
from nni_darts.draw.curves import plot_curves
from nni_darts.errors import ConfigError
from nni_darts.run import Run


def test_train_and_validation_share_a_panel_and_throughput_has_none(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    for epoch in range(2):
        row = {"train_loss": 2.0, "valid_loss": 2.1, "valid_accuracy": 50.0, "entropy": 2.0}
        run.log_epoch({"epoch": epoch, **row, "images_per_second": 900.0})
    (path,) = plot_curves(tmp_path, ("svg",))
    words = re.findall(r"<text[^>]*>([a-z ]+)</text>", path.read_text())
    assert [word for word in words if word != "epoch"] == [
        "loss",
        "train",
        "valid",
        "accuracy",
        "entropy",
    ]


def test_cells_share_a_panel_and_so_does_the_derived_architecture(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    for epoch in range(5):
        row = {"valid_accuracy": 50.0, "skips": 5.0, "skips/normal": 3.0, "skips/reduce": 2.0}
        now_and_then = {"discretised_accuracy": 40.0, "discretisation_gap": 10.0} if epoch == 4 else {}
        run.log_epoch({"epoch": epoch, **row, **now_and_then})
    (path,) = plot_curves(tmp_path, ("svg",))
    words = re.findall(r"<text[^>]*>([a-z ]+)</text>", path.read_text())
    assert [word for word in words if word != "epoch"] == [
        *("accuracy", "valid", "discretised"),
        *("skips", "normal", "reduce"),
        "discretisation gap",
    ]


def test_nothing_worth_a_panel_gives_no_file(tmp_path: Path) -> None:
    Run.create(tmp_path, "search/0").log_epoch({"epoch": 0, "seconds": 1.0})
    assert plot_curves(tmp_path) == []
    assert not (tmp_path / "figures").exists()


def test_a_run_without_metrics_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"metrics.csv: missing"):
        plot_curves(tmp_path)


def test_of_epochs_that_were_run_twice_the_last_attempt_is_drawn(tmp_path: Path) -> None:
    returned, straight = (Run.create(tmp_path / name, "search/0") for name in ("returned", "straight"))
    for attempt, epoch, loss in ((0, 0, 3.0), (0, 1, 9.0), (0, 2, 9.0), (1, 1, 2.0), (1, 2, 1.0)):
        returned.log_epoch({"epoch": epoch, "train_loss": loss, "attempt": float(attempt)})
        returned.log_mixture(epoch, {"k": {"a": loss, "b": 0.0}}, float(attempt))
        if loss < 9:
            straight.log_epoch({"epoch": epoch, "train_loss": loss})
            straight.log_mixture(epoch, {"k": {"a": loss, "b": 0.0}})
    for plot in (plot_curves, plot_alphas):
        drawn = [plot(run.path, ("svg",))[0].read_bytes() for run in (returned, straight)]
        assert drawn[0] == drawn[1]
