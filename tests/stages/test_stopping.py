"""A search that its method ends early is a finished search."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.genotype import Architecture
from nni_darts.run import NullReporter, Run
from nni_darts.stages.derive import run_derive
from tests.stages.test_stages import TINY


def test_an_early_stop_ends_the_trial_with_the_export(tmp_path: Path) -> None:
    # So small a step changes no order: the ranking is stable from its second snapshot on.
    settings = Settings.from_dict(
        {
            **TINY,
            "method": {"name": "darts-plus", "order": 1, "patience": 1},
            "search": {"epochs": 4, "arch_lr": 1e-9},
        }
    )
    path = tmp_path / "run"
    result = stages.run_search(settings, 0, Run.create(path, "search/0"), NullReporter())
    assert result["default"] == result["valid_accuracy"]
    assert len(pd.read_csv(path / "metrics.csv")) == 2
    summary = json.loads((path / "summary.json").read_text())
    assert (summary["status"], summary["stopped"]["architecture_epoch"]) == ("done", 1)
    architecture = Architecture.read(path / "genotype.json")
    assert architecture == Architecture.from_json(result["architecture"])
    assert run_derive(path / "last.ckpt", tmp_path / "derived") == architecture
    again = stages.run_search(settings, 0, Run.create(path, "search/0", resume=True), NullReporter())
    assert again == result
