"""A search whose method goes on after ``search.epochs``: its run, its checkpoint, and what a dry run says."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.explain import explain_search
from nni_darts.genotype import Architecture
from nni_darts.run import NullReporter, Run
from nni_darts.stages.derive import run_derive
from tests.stages.test_stages import TINY

SETTINGS = {
    **TINY,
    "stages": ["search"],
    "data": {"name": "digits"},
    "space": {
        "args": {"init_channels": 2, "layers": 1, "nodes": 2, "primitives": ["skip_connect", "max_pool_3x3"]}
    },
    "method": {"name": "darts-pt", "interval": 1},
    "search": {"epochs": 1, "arch_lr": 0.05},
}


def test_a_selection_ends_in_what_its_checkpoint_derives(tmp_path: Path) -> None:
    settings = Settings.from_dict(SETTINGS)
    path = tmp_path / "run"
    result = stages.run_search(settings, 0, Run.create(path, "search/0"), NullReporter())
    table = pd.read_csv(path / "metrics.csv")
    # Five edges and a node in one type of cell.
    assert list(table["decided_edges"]) == [0, 1, 2, 3, 4, 5, 5]
    assert list(table["decided_nodes"]) == [0] * 6 + [1]
    assert list(table["lr"].round(6)) == [0.025, *[0.0025] * 6]
    mixture = pd.read_csv(path / "mixture.csv")
    assert set(mixture[mixture["epoch"] == 6]["value"]) == {0, 1}
    architecture = Architecture.read(path / "genotype.json")
    assert architecture == Architecture.from_json(result["architecture"])
    assert json.loads((path / "summary.json").read_text())["status"] == "done"
    assert run_derive(path / "last.ckpt", tmp_path / "derived") == architecture
    again = stages.run_search(settings, 0, Run.create(path, "search/0", resume=True), NullReporter())
    assert again == result


def test_a_dry_run_counts_all_epochs(monkeypatch) -> None:
    monkeypatch.setenv("NNI_DARTS_KERNELS", "off")
    explanation = explain_search(Settings.from_dict({**SETTINGS, "search": {"epochs": 50}}))
    assert explanation.facts["steps"]["epochs"] == 56
    assert explanation.facts["method"]["tail_epochs"] == 6
    assert "  50 epochs of search are followed by 6 of Perturbation" in explanation.lines


def test_a_dry_run_of_the_papers_space_has_131_epochs(monkeypatch) -> None:
    """Card darts-pt, "How a test proves it", item 1: 50 epochs and 81."""
    monkeypatch.setenv("NNI_DARTS_KERNELS", "off")
    settings = {**SETTINGS, "method": {"name": "darts-pt"}, "search": {"epochs": 50}}
    settings["space"] = {"args": {"init_channels": 1, "layers": 3, "primitives": ["skip_connect"]}}
    assert explain_search(Settings.from_dict(settings)).facts["steps"]["epochs"] == 131
