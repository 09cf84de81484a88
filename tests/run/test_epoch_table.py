from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from nni_darts.run.epoch_table import log_rows, that_count


def test_repeated_epoch_takes_the_place_of_itself_and_of_later_ones(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    for epoch in range(4):
        log_rows(path, epoch, [{"epoch": epoch, "loss": float(epoch)}])
    log_rows(path, 2, [{"epoch": 2, "loss": 9.0}])
    table = pd.read_csv(path)
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["loss"].tolist() == [0.0, 1.0, 9.0]


def test_resumed_table_has_the_bytes_of_an_uninterrupted_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [{"epoch": e, "loss": rng.random() / 3, "images": 1e9 * rng.random()} for e in range(30)]
    for row in rows:
        log_rows(tmp_path / "whole.csv", row["epoch"], [row])
    for row in [*rows[:20], *rows[13:]]:
        log_rows(tmp_path / "resumed.csv", row["epoch"], [row])
    assert (tmp_path / "resumed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    read = pd.read_csv(tmp_path / "whole.csv", float_precision="round_trip")
    assert read["loss"].tolist() == [row["loss"] for row in rows]


def test_epochs_are_compared_as_numbers(tmp_path: Path) -> None:
    """As text, epoch 10 is smaller than epoch 9."""
    for epoch in range(8, 12):
        log_rows(tmp_path / "m.csv", epoch, [{"x": 1}])
    log_rows(tmp_path / "m.csv", 9, [{"x": 2}])
    assert pd.read_csv(tmp_path / "m.csv")["epoch"].tolist() == [8, 9]


def test_a_column_that_appears_later_leaves_a_gap_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    log_rows(tmp_path / "m.csv", 0, [{"a": 1}])
    log_rows(tmp_path / "m.csv", 1, [{"a": 2, "b": np.float32(0.5)}])
    log_rows(tmp_path / "m.csv", 2, [{"b": np.int64(7)}])
    log_rows(tmp_path / "m.csv", 3, [{"a": 4}])
    assert (tmp_path / "m.csv").read_text() == "epoch,a,b\n0,1,\n1,2,0.5\n2,,7\n3,4,\n"


def test_earlier_attempts_at_an_epoch_stay_and_are_told_from_what_counts(tmp_path: Path) -> None:
    path, way = tmp_path / "m.csv", [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 2)]
    for attempt, epoch in [*way[:5], (1, 1), (1, 2), *way[5:]]:  # 1 was continued before its epoch 1
        log_rows(path, epoch, [{"x": 1}, {"x": 2}], attempt)
    table = pd.read_csv(path)
    assert list(zip(table["attempt"], table["epoch"], strict=True)) == [row for row in way for _ in "ab"]
    counted = that_count(table)
    assert list(zip(counted["attempt"], counted["epoch"], strict=True))[::2] == [(0, 0), (1, 1), (2, 2)]
    log_rows(path, 0, [{"x": 3}])  # begun anew, by a method that has no attempts
    assert len(pd.read_csv(path)) == 1


def test_without_attempts_every_row_counts(tmp_path: Path) -> None:
    for epoch in range(3):
        log_rows(tmp_path / "m.csv", epoch, [{"x": 1}])
    assert len(that_count(pd.read_csv(tmp_path / "m.csv"))) == 3
