"""A search, what it derived, its selection, its retraining and its test: tiny, on real digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.data import Dataset
from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Architecture
from nni_darts.run import NullReporter, Run
from nni_darts.stages.space import build_network, space_class
from nni_darts.stages.training import parameters_of
from search_spaces import DiscreteNetwork

TINY = {
    "space": {"args": {"init_channels": 2, "layers": 3, "nodes": 2}},
    "search": {"epochs": 2, "arch_lr": 0.05},
    "select": {"epochs": 1, "network": {"init_channels": 4, "layers": 3}},
    "retrain": {"epochs": 1, "network": {"init_channels": 4, "layers": 3, "auxiliary": False}},
    "trainer": {"device": "cpu", "threads": 1, "limit_batches": 2},
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.from_dict(TINY)


@pytest.fixture(scope="module")
def searched(settings, tmp_path_factory) -> tuple[Run, dict[str, Any]]:
    run = Run.create(tmp_path_factory.mktemp("search"), "search/0")
    return run, stages.run_search(settings, 3, run, NullReporter())


@pytest.fixture
def sealed(monkeypatch):
    """Opening the test set is an error."""

    def refuse(self):
        raise AssertionError("the test set was opened")

    monkeypatch.setattr(Dataset, "test", property(refuse))


def test_a_search_leaves_everything_that_is_promised(searched):
    run, result = searched
    left = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert left >= {
        *("run.json", "env.json", "data.json", "summary.json", "last.ckpt", "metrics.csv"),
        *("alphas.csv", "mixture.csv"),
        *(
            "genotype.json",
            "genotype.txt",
            "sample.json",
            "figures/cell_normal.svg",
            "figures/cell_reduce.png",
        ),
        *("figures/alphas_normal.svg", "figures/curves.png"),
    }
    assert any(name.startswith("tensorboard/events") for name in left)
    assert next(iter(result)) == "default"
    assert result["default"] == result["valid_accuracy"]
    memory = json.loads((run.path / "summary.json").read_text())["memory_estimate"]
    assert memory["total"] == memory["resident"] + memory["activations"] > 0
    architecture = Architecture.read(run.path / "genotype.json")
    assert architecture == Architecture.from_json(result["architecture"])
    assert (architecture.method, architecture.provenance["seed"]) == ("darts", 3)


def test_the_same_seed_is_the_same_search_and_another_seed_is_not(settings, searched, tmp_path, sealed):
    _, result = searched
    again = stages.run_search(settings, 3, Run.create(tmp_path / "a", "search/0"), NullReporter())
    assert again == result
    other = stages.run_search(settings, 4, Run.create(tmp_path / "b", "search/0"), NullReporter())
    assert other["train_loss"] != result["train_loss"]


def test_deriving_from_the_checkpoint_gives_the_same_architecture(searched, tmp_path):
    run, result = searched
    derived = stages.run_derive(run.checkpoint, tmp_path)
    assert derived == Architecture.from_json(result["architecture"])
    assert (tmp_path / "genotype.json").exists()


def test_a_killed_search_continues_to_the_same_result(settings, searched, tmp_path, monkeypatch):
    """Killed at the end of epoch 0, right after its checkpoint; second order."""
    _, result = searched
    from nni_darts.stages import search

    class Killed(Exception):
        pass

    class Kill(search.StopOnSignal):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(search, "StopOnSignal", Kill)
        with pytest.raises(Killed):
            stages.run_search(settings, 3, Run.create(tmp_path, "search/0"), NullReporter())
    torch.manual_seed(999)  # nothing outside of the checkpoint may matter
    resumed = stages.run_search(settings, 3, Run.create(tmp_path, "search/0", resume=True), NullReporter())
    assert resumed == result


def test_selection_never_opens_the_test_set(settings, searched, tmp_path, sealed):
    architecture = Architecture.from_json(searched[1]["architecture"])
    result = stages.run_select(settings, 0, architecture, Run.create(tmp_path, "select/0"), NullReporter())
    assert result["default"] == result["valid_accuracy"]
    assert not any(key.startswith("test") for key in result)


def test_retraining_is_tested_once_and_its_checkpoint_repeats_the_number(
    settings, searched, tmp_path, monkeypatch
):
    opened = []
    original = Dataset.test.func
    monkeypatch.setattr(Dataset, "test", property(lambda self: opened.append(1) or original(self)))
    architecture = Architecture.from_json(searched[1]["architecture"])
    run = Run.create(tmp_path, "retrain/0")
    result = stages.run_retrain(settings, 0, architecture, run, NullReporter())
    assert len(opened) == 1
    assert result["default"] == result["test_accuracy"]
    tested = stages.run_test(run.checkpoint, {})
    assert {key: tested[key] for key in tested if key.startswith("test")} == {
        key: result[key] for key in result if key.startswith("test")
    }
    weights = safetensors.torch.load_file(run.path / "model.safetensors")
    assert sum(w.numel() for n, w in weights.items() if n.endswith(("weight", "bias"))) == pytest.approx(
        1e6 * result["params_millions"]
    )
    with pytest.raises(ConfigError, match="has nothing to derive"):
        stages.run_derive(run.checkpoint, tmp_path / "derived")


def test_a_supernets_checkpoint_is_not_tested(searched):
    with pytest.raises(ConfigError, match="retrain what it derived"):
        stages.run_test(searched[0].checkpoint, {})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"space": {"name": "nowhere:Net"}}, 'space.name: "nowhere:Net" cannot be imported'),
        ({"space": {"name": "json:dumps"}}, "is no class of nni.nas.nn.pytorch.ModelSpace"),
        (
            {"space": {"name": "tests.outsider.plain_net:PlainNet", "args": {"wide": 1}}},
            "space.args.wide: PlainNet takes",
        ),
    ],
)
def test_spaces_that_are_none(change, sentence, tmp_path):
    settings = Settings.from_dict({**TINY, **change})
    with pytest.raises(ConfigError, match=sentence):
        stages.run_search(settings, 0, Run.create(tmp_path / "run", "search/0"), NullReporter())
    assert not any(tmp_path.iterdir())  # nothing half-written


def network_of(settings: Settings, architecture: Architecture):
    from nni_darts.data import load

    return build_network(settings, {}, architecture, load(settings.data).info)


def test_architectures_that_do_not_fit(settings):
    four = Architecture.from_genotype(PUBLISHED["DARTS_V2"])
    with pytest.raises(ConfigError, match="has 4 nodes, but space.args.nodes is 2"):
        network_of(settings, four)
    foreign = Architecture.from_dict({"space": "a:B", "nni": {"x": 1}})
    with pytest.raises(ConfigError, match='of the space "a:B"'):
        network_of(settings, foreign)
    outsider = Settings.from_dict({**TINY, "space": {"name": "tests.outsider.plain_net:PlainNet"}})
    missing = Architecture.from_dict({"space": outsider.space.name, "nni": {"layer": "conv3x3"}})
    with pytest.raises(ConfigError, match="does not fit the space tests.outsider"):
        network_of(outsider, missing)
    assert space_class("darts").__name__ == "DartsSpace"


def test_the_auxiliary_head_is_not_counted():
    """Card evaluation-protocol, item 1: DARTS_V2 at C=36, 20 cells, 3,825,768 weights with its head."""
    with torch.device("meta"):
        network = DiscreteNetwork(PUBLISHED["DARTS_V2"], 36, 20, auxiliary=True)
    assert sum(weight.numel() for weight in network.parameters()) == 3_825_768
    assert parameters_of(network) == 3_349_342
    assert parameters_of(torch.nn.Linear(2, 3)) == 9


def test_published_cells_without_a_sample_are_trained_too(tmp_path):
    four = Settings.from_dict({**TINY, "space": {"args": {"init_channels": 2, "layers": 3}}})
    cells = Architecture.from_genotype(PUBLISHED["AmoebaNet"])
    nodes = len(PUBLISHED["AmoebaNet"].normal) // 2
    settings = Settings.from_dict({**four.to_dict(), "space": {"args": {"nodes": nodes}}})
    result = stages.run_select(settings, 0, cells, Run.create(tmp_path, "select/0"), NullReporter())
    assert json.loads(result["architecture"])["nni"] is None
    assert Path(tmp_path / "model.safetensors").exists()
