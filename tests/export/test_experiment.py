from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nni_darts.errors import ConfigError
from nni_darts.export import export_experiment
from nni_darts.genotype import PUBLISHED, Architecture, Genotype
from tests.export.fake_experiment import FakeExperiment


def architecture(name: str) -> str:
    return Architecture.from_genotype(PUBLISHED[name]).to_json()


def found(default: float, name: str, **more: Any) -> dict[str, Any]:
    return {"default": default, "architecture": architecture(name), **more}


@pytest.fixture
def whole(tmp_path: Path) -> FakeExperiment:
    """Search 1 scores best, selection prefers what search 0 found; a retraining failed once."""
    fake = FakeExperiment(tmp_path, stages=["search", "select", "retrain"])
    fake.trial("search/0", found(80.0, "DARTS_V1"), seed=0, point={"seed": 0})
    fake.trial("search/1", found(85.0, "DARTS_V2"), seed=1, point={"seed": 1})
    fake.trial("select/0", found(91.0, "DARTS_V1"), seed=0)
    fake.trial("select/1", found(90.0, "DARTS_V2"), seed=0)
    fake.trial("retrain/0", None, status="FAILED", seed=0)
    for seed, accuracy in enumerate((97.0, 97.2, 97.4)):
        result = found(accuracy, "DARTS_V1", test_accuracy=accuracy)
        fake.trial(f"retrain/{seed}", result, seed=seed, attempt=2 if seed == 0 else 1)
    return fake


def test_the_winner_is_what_selection_chose(whole: FakeExperiment, tmp_path: Path) -> None:
    out = export_experiment(whole.id, tmp_path / "out", tmp_path)
    assert Genotype.parse((out / "genotype.txt").read_text()) == PUBLISHED["DARTS_V1"]
    assert Architecture.read(out / "genotype.json").genotype == PUBLISHED["DARTS_V1"]
    assert json.loads((out / "sample.json").read_text())["normal/input_2"] == [1, 0]
    assert (out / "figures" / "cell_normal.svg").exists()
    assert (out / "figures" / "cell_reduce.png").exists()


def test_every_trial_is_a_row_and_swapped_records_do_not_matter(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/1", found(80.0, "DARTS_V1", loss=0.5), recorded="search/0", seed=0)
    fake.trial("search/0", found(70.0, "DARTS_V2"), recorded="search/1", seed=1, point={"method.order": 2})
    fake.trial("search/2", None, status="USER_CANCELED", seed=2)
    table = pd.read_csv(export_experiment(fake.id, tmp_path / "out", tmp_path) / "trials.csv")
    assert table["task"].tolist() == ["search/1", "search/0", "search/2"]
    assert table["seed"].tolist() == [1, 0, 2]
    assert table["status"].tolist() == ["SUCCEEDED", "SUCCEEDED", "USER_CANCELED"]
    assert table["seconds"].tolist() == [10.0] * 3
    assert table["start"][0] == "2023-11-14T22:13:20Z"
    assert table["point.method.order"].tolist()[0] == 2
    assert table["default"].tolist()[:2] == [80.0, 70.0]
    assert table[["default", "loss"]].isna().sum().tolist() == [1, 2]


def test_spread_over_the_seeds_is_that_of_a_sample(whole: FakeExperiment, tmp_path: Path) -> None:
    """Of 97.0, 97.2, 97.4: mean 97.2, and std 0.2 (dividing by n would give 0.163)."""
    out = export_experiment(whole.id, tmp_path / "out", tmp_path)
    stages = pd.read_csv(out / "stages.csv").set_index(["stage", "metric"])
    row = stages.loc[("retrain", "test_accuracy")]
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(97.2, abs=1e-12)
    assert row["std"] == pytest.approx(0.2, abs=1e-12)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["stages"]["retrain"]["test_accuracy"]["std"] == pytest.approx(0.2, abs=1e-12)
    assert summary["winner"] == {"task": "select/0", "space": "darts"}
    assert summary["trials"] == {"SUCCEEDED": 7, "FAILED": 1}
    assert (summary["experiment"], summary["name"], summary["status"]) == (whole.id, "darts-test", "DONE")


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("retrain/0", found(97.0, "DARTS_V1"))
    out = export_experiment(fake.id, tmp_path / "out", tmp_path)
    assert json.loads((out / "summary.json").read_text())["stages"]["retrain"]["default"]["std"] is None


def test_run_folders_of_the_winner_come_along(whole: FakeExperiment, tmp_path: Path) -> None:
    out = export_experiment(whole.id, tmp_path / "out", tmp_path)
    runs = {path.parent.name: path.read_text() for path in out.glob("*/last.ckpt")}
    tasks = ("search/0", "select/0", "retrain/0", "retrain/1", "retrain/2")
    assert runs == {task.replace("/", "-"): f"weights of {task}" for task in tasks}
    assert not list(out.rglob("*.partial"))


def test_trials_of_other_machines_leave_only_what_they_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeExperiment(tmp_path, stages=["search"])
    fake.trial("search/0", found(80.0, "DARTS_V1"), files=False)
    out = export_experiment(fake.id, tmp_path / "out", tmp_path)
    assert (out / "genotype.json").exists()
    assert not (out / "search-0").exists()
    assert "search/0 (trial T0) are not on this machine" in caplog.text


def test_a_stopped_experiment_without_a_selection_takes_the_best_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeExperiment(tmp_path, status="STOPPED", stages=["search", "select"])
    for number, (score, name) in enumerate([(80.0, "DARTS_V1"), (85.0, "DARTS_V2"), (85.0, "PDARTS")]):
        fake.trial(f"search/{number}", found(score, name))
    fake.trial("select/0", None, status="RUNNING")
    out = export_experiment(fake.id, tmp_path / "out", tmp_path)
    assert Architecture.read(out / "genotype.json").genotype == PUBLISHED["DARTS_V2"]
    assert "best search is taken" in caplog.text


def test_a_given_genotype_is_the_winner_where_nothing_was_searched(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path, stages=["retrain"])
    given = json.loads(architecture("NASNet"))
    fake.trial("retrain/0", {"default": 96.0}, architecture=given)
    out = export_experiment(fake.folder, tmp_path / "out", tmp_path)
    assert Architecture.read(out / "genotype.json").genotype == PUBLISHED["NASNet"]
    assert not (out / "sample.json").exists()


def test_an_experiment_that_has_just_begun(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path, status="RUNNING")
    out = export_experiment(fake.id, tmp_path / "out", tmp_path)
    assert {path.name for path in out.iterdir()} == {"trials.csv", "stages.csv", "summary.json"}
    assert len(pd.read_csv(out / "trials.csv")) == 0
    assert json.loads((out / "summary.json").read_text())["winner"] is None


def test_without_matplotlib_all_but_the_pictures_is_there(
    whole: FakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with caplog.at_level(logging.WARNING):
        out = export_experiment(whole.id, tmp_path / "out", tmp_path)
    assert (out / "summary.json").exists()
    assert "nni-darts[plot]" in caplog.text


def test_a_broken_architecture_names_its_trial_and_leaves_nothing(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    fake.trial("search/0", {"default": 1.0, "architecture": '{"schema": 7}'})
    with pytest.raises(ConfigError, match=r"trial T0 \(search/0\)"):
        export_experiment(fake.id, tmp_path / "out", tmp_path)
    assert not list(tmp_path.glob("*out*"))
