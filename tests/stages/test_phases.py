"""A search in phases as a stage: its table, figures, checkpoint, memory and dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.course.origin import Origin
from nni_darts.explain import explain_search
from nni_darts.genotype import Architecture
from nni_darts.run import NullReporter, Run
from nni_darts.stages.context import Context
from nni_darts.training.callbacks import EpochCheckpoint
from search_spaces import S1, DartsSpace, NasBench201Space
from tests.stages.test_stages import TINY

PRIMITIVES = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
PLACED: list[int] = []
"""Cells of every network that was placed on the device."""

SMALL = {
    **TINY,
    "space": {"args": {"init_channels": 2, "nodes": 1, "primitives": list(PRIMITIVES)}},
    "method": {
        "name": "p-darts",
        "layers": [1, 2],
        "keep": [2],
        "dropout": [0.0, 0.4],
        "warmup_epochs": 1,
        "skip_limit": None,
    },
    "trainer": {"device": "cpu", "threads": 1, "limit_batches": 1},
}


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.from_dict(SMALL)


@pytest.fixture(scope="module")
def searched(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Any]]:
    run = Run.create(tmp_path_factory.mktemp("search"), "search/0")
    with pytest.MonkeyPatch.context() as patch:
        placed = Context.placed

        def place(self: Context, network: DartsSpace) -> Any:
            PLACED.append(len(network.cells))
            return placed(self, network)

        patch.setattr(Context, "placed", place)
        return run, stages.run_search(settings, 0, run, NullReporter())


def test_its_files_count_the_epochs_of_all_phases(searched) -> None:
    run, result = searched
    table = pd.read_csv(run.path / "metrics.csv")
    assert table["epoch"].tolist() == [0, 1, 2, 3]
    assert table["phase"].tolist() == [1, 1, 2, 2]
    assert result["phase"] == 2
    mixture = pd.read_csv(run.path / "mixture.csv")
    rows = mixture.groupby(["epoch", "label"]).size().unstack(0)
    assert (rows[[0, 1]] == 4).all(axis=None)
    assert (rows[[2, 3]] == 2).all(axis=None)
    assert mixture.groupby(["epoch", "label"])["value"].sum().tolist() == pytest.approx([1] * rows.size)
    assert (run.path / "figures" / "alphas_reduce.svg").exists()
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("valid_accuracy")] == [0, 1, 2, 3]


def test_the_architecture_can_be_derived_from_the_checkpoint_of_every_phase(
    settings: Settings, searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, result = searched
    derived = stages.run_derive(run.checkpoint, tmp_path / "last")
    assert derived == Architecture.from_json(result["architecture"])
    for label, operation in derived.nni.items():
        offered = pd.read_csv(run.path / "mixture.csv").query("epoch == 3 and label == @label")["choice"]
        # Edges that are not chosen hold no operation, even where that has been dropped.
        assert "input" in label or operation == "none" or operation in set(offered)

    def kill(self: EpochCheckpoint, trainer: Any, pl_module: Any) -> None:
        self.save(trainer)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochCheckpoint, "on_train_epoch_end", kill)
        early = Run.create(tmp_path / "early", "search/0")
        with pytest.raises(Killed):
            stages.run_search(settings, 0, early, NullReporter())
    assert stages.run_derive(early.checkpoint, tmp_path / "first").genotype is not None
    resumed = Run.create(tmp_path / "early", "search/0", resume=True)
    assert stages.run_search(settings, 0, resumed, NullReporter()) == result


def test_the_networks_of_all_phases_have_the_layout_that_the_device_likes(searched) -> None:
    assert PLACED == [8, 1, 2]


@pytest.mark.parametrize("name", ["s1", "nasbench201"])
def test_other_spaces_are_built_again_by_their_own_arguments(name: str) -> None:
    space = S1(2, 3, num_classes=4) if name == "s1" else NasBench201Space(2, cells=1, num_classes=4)
    origin = Origin(space)
    assert origin.arguments["init_channels"] == 2
    depth = "layers" if name == "s1" else "cells"
    assert len(origin.build({depth: 4}).cells) > len(space.cells)
    assert not origin.differs({depth: 3 if name == "s1" else 1})
    assert origin.differs({depth: 4})
    assert Origin(S1()).arguments["layers"] == 8


def test_a_dry_run_says_what_the_phases_are(settings: Settings) -> None:
    found = explain_search(settings)
    assert found.facts["method"]["phases"] == [
        {"layers": 1, "candidates": 4, "dropout": 0.0},
        {"layers": 2, "candidates": 2, "dropout": 0.4},
    ]
    assert "  phase 2 of 2: layers 2, candidates 2, dropout 0.4, 2 epochs" in found.lines
    assert found.facts["steps"]["epochs"] == 4
