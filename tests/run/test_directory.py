from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Architecture, Genotype, genotype_of
from nni_darts.run import NullReporter, Reporter, Run


def files_in(path: Path) -> set[str]:
    return {p.name for p in path.iterdir()}


def test_a_folder_with_a_run_is_refused_with_both_ways_out(tmp_path: Path) -> None:
    Run.create(tmp_path / "x", "search/0")
    with pytest.raises(ConfigError, match=r"task search/0; give --resume .*--force"):
        Run.create(tmp_path / "x", "search/0")


def test_resume_continues_the_same_task_only(tmp_path: Path) -> None:
    Run.create(tmp_path, "search/0").checkpoint.write_text("state")
    assert Run.create(tmp_path, "search/0", resume=True).checkpoint.read_text() == "state"
    with pytest.raises(ConfigError, match="cannot be continued as search/1"):
        Run.create(tmp_path, "search/1", resume=True)


def test_resume_of_an_empty_folder_begins(tmp_path: Path) -> None:
    assert Run.create(tmp_path / "new", "search/0", resume=True).path.is_dir()


def test_force_moves_the_old_run_aside_and_keeps_it(tmp_path: Path) -> None:
    for number in range(3):
        run = Run.create(tmp_path, "retrain/0", force=True)
        run.write_summary({"number": number})
        run.figures.mkdir()
    assert files_in(tmp_path) == {"run.json", "summary.json", "figures", "previous-1", "previous-2"}
    for number in (0, 1):
        summary = tmp_path / f"previous-{number + 1}" / "summary.json"
        assert json.loads(summary.read_text()) == {"number": number}


def test_in_a_trials_folder_nnis_files_stay_and_another_tasks_are_moved(tmp_path: Path) -> None:
    (tmp_path / "trial.log").write_text("log")
    Run.create(tmp_path, "search/0", resume=True, force=True).checkpoint.write_text("state")
    assert Run.create(tmp_path, "search/0", resume=True, force=True).checkpoint.exists()
    run = Run.create(tmp_path, "search/1", resume=True, force=True)
    assert not run.checkpoint.exists()
    assert files_in(tmp_path) == {"trial.log", "run.json", "previous-1"}
    assert files_in(tmp_path / "previous-1") == {"run.json", "last.ckpt"}


@pytest.mark.parametrize("flags", [{}, {"resume": True}, {"force": True}])
def test_a_folder_of_other_things_is_never_touched(tmp_path: Path, flags: dict[str, bool]) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match="not a run's"):
        Run.create(tmp_path, "search/0", **flags)
    assert files_in(tmp_path) == {"thesis.tex"}


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match="there is a file of this name"):
        Run.create(tmp_path / "x", "search/0")


def test_leftovers_of_a_killed_write_are_cleared(tmp_path: Path) -> None:
    Run.create(tmp_path, "search/0")
    (tmp_path / ".metrics.csv.abcd.partial").write_text("ep")
    Run.create(tmp_path, "search/0", resume=True)
    assert files_in(tmp_path) == {"run.json"}


def test_a_refused_run_withdraws_and_a_begun_one_stays(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "refused", "search/0")
    run.write_settings({"a": 1})
    run.withdraw()
    assert not run.path.exists()
    begun = Run.create(tmp_path / "begun", "search/0")
    begun.log_epoch({"epoch": 0, "loss": 1.0})
    begun.withdraw()
    assert files_in(begun.path) == {"run.json", "metrics.csv"}
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "trial.log").write_text("NNI's")
    Run.create(tmp_path / "trial", "search/0").withdraw()
    assert files_in(tmp_path / "trial") == {"trial.log"}


def test_open_finds_the_task(tmp_path: Path) -> None:
    Run.create(tmp_path, "select/2")
    assert Run.open(tmp_path).task == "select/2"
    with pytest.raises(ConfigError, match="no run lies here"):
        Run.open(tmp_path / "nothing")


def test_alphas_are_long_and_a_resumed_epoch_is_replaced(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    run.log_alphas(
        0,
        {
            "normal/edge_0_2": {"none": 0.1, "skip_connect": 0.2},
            "k": [1.0, 2.0],
            "n": {None: 0.5, (3, 3): 0.25},
        },
    )
    run.log_alphas(1, {"k": [3.0]})
    run.log_alphas(1, {"k": [4.0]})
    assert (tmp_path / "alphas.csv").read_text() == (
        "epoch,label,choice,value\n"
        "0,normal/edge_0_2,none,0.1\n"
        "0,normal/edge_0_2,skip_connect,0.2\n"
        "0,k,0,1.0\n"
        "0,k,1,2.0\n"
        "0,n,None,0.5\n"
        '0,n,"(3, 3)",0.25\n'
        "1,k,0,4.0\n"
    )


def test_metrics_settings_and_environment(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    run.log_epoch({"epoch": 0, "train_loss": 2.3})
    run.log_epoch({"epoch": 1, "train_loss": 1.1})
    run.write_settings({"search": {"epochs": 2}}, {"search.epochs": "default"})
    run.write_environment("cpu", 0)
    assert pd.read_csv(tmp_path / "metrics.csv")["train_loss"].tolist() == [2.3, 1.1]
    assert yaml.safe_load((tmp_path / "config.resolved.yaml").read_text()) == {"search": {"epochs": 2}}
    assert json.loads((tmp_path / "env.json").read_text())["device"] == "cpu"


def test_null_reporter_is_a_reporter() -> None:
    reporter: Reporter = NullReporter()
    reporter.epoch({"default": 1.0})
    reporter.final({"default": 1.0})


def test_architecture_of_a_cell_space_lies_in_all_three_forms(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    architecture = Architecture.from_genotype(PUBLISHED["DARTS_V2"], method="darts")
    run.write_architecture(architecture)
    assert Architecture.read(tmp_path / "genotype.json") == architecture
    assert Genotype.parse((tmp_path / "genotype.txt").read_text()) == PUBLISHED["DARTS_V2"]
    assert genotype_of(json.loads((tmp_path / "sample.json").read_text())) == PUBLISHED["DARTS_V2"]


def test_architecture_writes_only_the_forms_it_has(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "nasnet", "retrain/0")
    run.write_architecture(Architecture.from_genotype(PUBLISHED["NASNet"]))
    assert files_in(run.path) == {"run.json", "genotype.json", "genotype.txt"}
    run = Run.create(tmp_path / "own", "search/0")
    run.write_architecture(Architecture.from_sample({"conv": "3x3"}, space="my_pkg.mod:Space"))
    assert files_in(run.path) == {"run.json", "genotype.json", "sample.json"}
