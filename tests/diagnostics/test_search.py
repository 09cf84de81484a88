"""A search with its settings: every number is in the run's tables, in what NNI gets, and in TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.run import Run

KEYS = {
    *(f"{name}{cell}" for name in ("entropy", "margin", "skips") for cell in ("", "/normal", "/reduce")),
    *("train_accuracy", "valid_accuracy", "hessian_eigenvalue"),
    *("discretised_accuracy", "discretised_loss", "discretisation_gap"),
}


class Kept:
    """What NNI would be told."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def epoch(self, row: Any) -> None:
        self.rows.append(dict(row))

    def final(self, result: Any) -> None: ...


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept, dict[str, Any]]:
    settings = Settings.from_dict(
        {
            "space": {"args": {"init_channels": 2, "layers": 3, "nodes": 1}},
            "search": {"epochs": 2, "batch_size": 8, "eigenvalue_every": 1, "discretisation_every": 1},
            "method": {"order": 1},
            "trainer": {"device": "cpu", "threads": 1, "limit_batches": 2},
        }
    )
    kept, run = Kept(), Run.create(tmp_path_factory.mktemp("search"), "search/0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nni_darts.stages.search.draw_run", lambda run: None)  # seconds of matplotlib
        result = stages.run_search(settings, 0, run, kept)
    return run.path, kept, result


def test_the_table_has_a_column_each(found: Any) -> None:
    table = pd.read_csv(found[0] / "metrics.csv")
    assert set(table) >= KEYS
    assert table[list(KEYS)].notna().all().all()
    lost = table["valid_accuracy"] - table["discretised_accuracy"]
    assert table["discretisation_gap"].tolist() == pytest.approx(lost.tolist())


def test_nni_gets_all_of_them_as_finite_numbers(found: Any) -> None:
    _, kept, result = found
    assert [set(row) >= KEYS for row in kept.rows] == [True, True]
    for row in [*kept.rows, {key: result[key] for key in KEYS}]:
        assert all(isinstance(value, (int, float)) for value in row.values())
        json.dumps(row, allow_nan=False)
    assert {key: result[key] for key in KEYS} == {key: kept.rows[-1][key] for key in KEYS}


def test_validation_of_the_derived_is_of_the_same_images(found: Any) -> None:
    """Two batches of 8, as the trainer's limit says: every accuracy is so many of 16 images."""
    for row in found[1].rows:
        hits = row["discretised_accuracy"] / 100 * 16
        assert hits == pytest.approx(round(hits))


def test_every_edge_has_a_row_of_its_own(found: Any) -> None:
    table = pd.read_csv(found[0] / "edges.csv")
    assert list(table) == ["epoch", "label", "entropy", "margin", "best", "second"]
    assert (
        table.groupby("epoch")["label"].apply(sorted).tolist()
        == [[f"{cell}/edge_{source}_2" for cell in ("normal", "reduce") for source in (0, 1)]] * 2
    )
    means = pd.read_csv(found[0] / "metrics.csv")
    normal = table[table["label"].str.startswith("normal/")].groupby("epoch")[["entropy", "margin"]].mean()
    assert normal["entropy"].tolist() == pytest.approx(means["entropy/normal"].tolist())
    assert normal["margin"].tolist() == pytest.approx(means["margin/normal"].tolist())


def test_tensorboard_has_them_too_and_every_edge(found: Any) -> None:
    events = EventAccumulator(str(found[0] / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    edges = {f"{cell}/edge_{source}_2" for cell in ("normal", "reduce") for source in (0, 1)}
    assert tags >= KEYS | {f"edge_{name}/{edge}" for name in ("entropy", "margin") for edge in edges}
    values = [event.value for event in events.Scalars("discretisation_gap")]
    assert values == pytest.approx([row["discretisation_gap"] for row in found[1].rows])
