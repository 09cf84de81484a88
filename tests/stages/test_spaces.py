"""A search, what it derives, its pictures and its retraining on every space of ours: tiny, on real digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.config.space import KNOWN
from nni_darts.data import load
from nni_darts.draw import draw_run
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, resolve
from nni_darts.genotype.nasbench201 import LABELS, OPERATIONS
from nni_darts.run import NullReporter, Run
from nni_darts.stages.space import SPACES, build_network, space_arguments

TINY_CELLS = {"init_channels": 2, "layers": 3}
TINY: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("darts", "s1", "s2", "s3", "s4"), TINY_CELLS),
    "nasbench201": {"init_channels": 2, "cells": 1},
    "darts_rnn": {"width": 4, "nodes": 2},
}
NETWORKS: dict[str, dict[str, Any]] = {
    **{name: {**sizes, "auxiliary": False} for name, sizes in TINY.items()},
    "nasbench201": TINY["nasbench201"],
    "darts_rnn": {"width": 4},
}
WORDS = "one two three four five"


def settings_of(name: str, **more: Any) -> Settings:
    training = {"epochs": 1, "network": NETWORKS[name]}
    return Settings.from_dict(
        {
            "method": {"name": "darts", "order": 1},
            "space": {"name": name, "args": TINY[name]},
            "search": {"epochs": 1, "batch_size": 16},
            "select": training,
            "retrain": training,
            "trainer": {"device": "cpu", "threads": 1, "limit_batches": 2},
            **more,
        }
    )


def data_of(name: str, folder: Path) -> dict[str, Any]:
    """Settings of data for a space: texts for those of language models, else the default."""
    if not KNOWN[name].text:
        return {}
    for part, lines in (("train", 90), ("valid", 60), ("test", 3)):
        words = WORDS.split()
        text = "\n".join(" ".join(words[(i * j) % 5] for j in range(1, 7)) for i in range(lines))
        (folder / f"{part}.txt").write_text(text)
    return {"data": {"name": "text", "root": str(folder)}}


def test_every_space_in_the_settings_can_be_built() -> None:
    assert set(KNOWN) == set(SPACES) == set(TINY)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time, and those of the DARTS cell have tests of their own."""
    for stage in ("search", "retrain"):
        monkeypatch.setattr(f"nni_darts.stages.{stage}.draw_run", lambda run: None)


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("name", [name for name in TINY if name != "darts"])
def test_from_the_search_to_the_test(name: str, tmp_path) -> None:
    settings = settings_of(name, **data_of(name, tmp_path))
    assert Settings.from_dict(settings.to_dict()) == settings
    run = Run.create(tmp_path / "search", "search/0")
    result = stages.run_search(settings, 0, run, NullReporter())
    architecture = Architecture.from_json(result["architecture"])
    assert architecture.space == name
    assert architecture.text == (run.path / "genotype.txt").read_text().strip()
    # In S1 and S2 an edge that no node takes says skip_connect in the sample.
    assert result["skips"] == architecture.text.count("skip_connect")
    assert stages.run_derive(run.checkpoint, tmp_path / "derived") == architecture
    assert resolve(tmp_path / "derived") == architecture
    retrained = Run.create(tmp_path / "retrain", "retrain/0")
    scores = stages.run_retrain(settings, 0, architecture, retrained, NullReporter())
    tested = stages.run_test(retrained.checkpoint, {})
    if "noise" not in architecture.text:  # which differs in every evaluation
        assert tested["default"] == scores["default"]


def test_a_run_on_nasbench201_has_its_pictures(tmp_path) -> None:
    run = Run.create(tmp_path, "search/0")
    run.log_mixture(0, {label: dict.fromkeys(OPERATIONS, 0.2) for label in LABELS})
    run.write_architecture(resolve("333123"))
    assert {path.name for path in draw_run(run)} >= {"cell.svg", "alphas_cell.svg"}


def test_cells_from_elsewhere_are_built_where_they_fit() -> None:
    settings = settings_of("nasbench201")
    info = load(settings.data).info
    network = build_network(settings, {}, resolve("333123"), info)
    assert (network.cell.code, network.classifier.out_features) == ("333123", 10)
    skips = [("skip_connect", 0), ("skip_connect", 1)] * 4
    text = f"Genotype(normal={skips}, normal_concat=range(2, 6), reduce={skips}, reduce_concat=range(2, 6))"
    cells = Architecture.from_genotype(resolve(text).genotype, space="s2")
    built = build_network(settings_of("s2"), {"auxiliary": False}, cells, info)
    assert built.genotype == cells.genotype
    with pytest.raises(ConfigError, match='of the space "s2", but space.name is "nasbench201"'):
        build_network(settings, {}, cells, info)


@pytest.mark.parametrize("name", [name for name in SPACES if not KNOWN[name].text])
def test_arguments_from_the_data_reach_inherited_constructors(name: str) -> None:
    info = load(settings_of(name).data).info
    arguments = space_arguments(SPACES[name], {"init_channels": 2}, info)
    assert arguments == {"num_classes": 10, "in_channels": 1, "image_size": (8, 8), "init_channels": 2}
    with pytest.raises(ConfigError, match=r"space\.args\.depth"):
        space_arguments(SPACES[name], {"depth": 2}, info)
