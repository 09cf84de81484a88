"""``retrain``: where the architecture and its settings come from, one run per seed, mean and spread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nni_darts.genotype import PUBLISHED, Architecture, Genotype
from tests.cli.conftest import FakeStages, call, call_json


def small() -> Architecture:
    pairs = (("sep_conv_3x3", 0), ("skip_connect", 1), ("max_pool_3x3", 0), ("skip_connect", 2))
    return Architecture.from_genotype(Genotype(pairs, (2, 3), pairs, (2, 3)))


def test_seeds_are_listed_after_one_flag(stages: FakeStages) -> None:
    data = call_json("retrain", "--genotype", "DARTS_V2", "--seeds", 0, 1, 2, "--epochs", 3)
    assert [made["seed"] for made in stages.calls] == [0, 1, 2]
    assert [made["settings"].retrain.epochs for made in stages.calls] == [3, 3, 3]
    assert data["spread"] == {"test_accuracy": {"mean": 97.0, "std": 1.0}}
    assert [run["run"] for run in data["runs"]] == [f"runs/retrain/seed-{seed}" for seed in range(3)]
    assert json.loads(Path("runs/retrain/summary.json").read_text())["seeds"] == [0, 1, 2]
    assert stages.calls[0]["architecture"].genotype == PUBLISHED["DARTS_V2"]


@pytest.mark.parametrize(
    ("arguments", "seeds"),
    [([], [0]), (["--seed", 4], [4]), (["--seeds", "4,5"], [4, 5]), (["--seeds", 4, "--seeds", 5], [4, 5])],
)
def test_other_ways_to_give_seeds(stages: FakeStages, arguments: list[object], seeds: list[int]) -> None:
    call_json("retrain", "--arch", "DARTS_V2", *arguments)
    assert [made["seed"] for made in stages.calls] == seeds


def test_flags_from_habit(stages: FakeStages) -> None:
    call_json(
        *("retrain", "--genotype", "DARTS_V1", "--dataset", "cifar10", "--download", "--auxiliary"),
        *(
            "--auxiliary_weight",
            "0.3",
            "--cutout",
            "--drop_path_prob",
            "0.1",
            "--init_channels",
            20,
            "--layers",
            8,
        ),
    )
    retrain = stages.calls[0]["settings"].retrain
    sizes = {"init_channels": 20, "layers": 8, "auxiliary": True}
    assert retrain.network == {**sizes, "drop_path_on": "operation"}
    assert (retrain.auxiliary_weight, retrain.cutout_length, retrain.drop_path_prob) == (0.3, 16, 0.1)


def test_cutout_can_be_switched_off(stages: FakeStages) -> None:
    call_json("retrain", "--genotype", "DARTS_V1", "--no-cutout", "--no-auxiliary")
    assert stages.calls[0]["settings"].retrain.cutout_length == 0


def test_nesterovs_momentum_is_a_flag(stages: FakeStages) -> None:
    call_json("retrain", "--genotype", "DARTS_V1", "--nesterov")
    assert stages.calls[0]["settings"].retrain.nesterov is True


def test_nodes_follow_the_architecture(stages: FakeStages) -> None:
    small().write("genotype.json")
    call_json("retrain", "--genotype", "genotype.json")
    assert stages.calls[0]["settings"].space.args["nodes"] == 2
    result = call("retrain", "--genotype", "genotype.json", "--set", "nodes=4", "--out", "other")
    assert result.exit_code == 2
    assert "2 nodes, space.args.nodes asks for 4" in result.stderr


def test_a_runs_folder_brings_its_settings_and_flags_come_before_them(stages: FakeStages) -> None:
    call_json("search", "--out", "found", "--set", "data.flip=false", "--set", "retrain.epochs=4")
    small().write("found/genotype.json")
    Path("found/config.resolved.yaml").write_text(
        Path("found/config.resolved.yaml").read_text().replace("nodes: 4", "nodes: 2")
    )
    call_json("retrain", "--genotype", "found", "--lr", "0.1")
    settings = stages.calls[-1]["settings"]
    assert (settings.data.flip, settings.retrain.epochs, settings.retrain.lr) == (False, 4, 0.1)
    assert settings.stages == ["retrain"]
    assert [made["seed"] for made in stages.calls[1:]] == [0]


def test_the_genotype_may_stand_in_the_file(stages: FakeStages) -> None:
    Path("retrain.yml").write_text(
        "stages: [retrain]\ngenotype: DARTS_V1\nretrain: {seeds: [3, 4], epochs: 2}\n"
    )
    call_json("retrain", "--config", "retrain.yml")
    assert [made["seed"] for made in stages.calls] == [3, 4]
    assert stages.calls[0]["settings"].genotype == "DARTS_V1"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "genotype: is missing"),
        (["--genotype", "DARTS_V3"], "DARTS_V2"),
        (["--genotype", "missing.json"], "missing.json"),
        (["--genotype", "DARTS_V2", "--seeds", "a"], "retrain.seeds[0]"),
        (["--genotype", "DARTS_V2", "--seeds", 1, 1], "twice"),
        (["--genotype", "DARTS_V2", "--dataset", "cifar"], "cifar10"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    stages: FakeStages, arguments: list[object], word: str
) -> None:
    result = call("retrain", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert not Path("runs").exists()


def test_more_seeds_can_be_added_to_a_retraining(stages: FakeStages) -> None:
    call_json("retrain", "--genotype", "DARTS_V2", "--out", "out")
    call_json("retrain", "--genotype", "DARTS_V2", "--out", "out", "--seeds", 0, 1, "--resume")
    assert sorted(path.name for path in Path("out").iterdir()) == ["seed-0", "seed-1", "summary.json"]


def test_a_retraining_brings_its_settings_when_it_is_resumed(stages: FakeStages) -> None:
    call_json("retrain", "--genotype", "DARTS_V2", "--out", "out", "--seeds", 3, 4, "--lr", "0.5")
    call_json("retrain", "--resume", "out")
    assert [made["seed"] for made in stages.calls] == [3, 4, 3, 4]
    assert {made["settings"].retrain.lr for made in stages.calls} == {0.5}
    assert stages.calls[-1]["architecture"].genotype == PUBLISHED["DARTS_V2"]


def test_a_folder_in_the_way_is_said_before_anything_is_trained(stages: FakeStages) -> None:
    call_json("retrain", "--genotype", "DARTS_V2", "--out", "out", "--seeds", 1)
    assert call("retrain", "--genotype", "DARTS_V2", "--out", "out", "--seeds", 0, 1).exit_code == 2
    assert len(stages.calls) == 1


def test_one_seed_has_no_spread(stages: FakeStages) -> None:
    data = call_json("retrain", "--genotype", "DARTS_V2")
    assert data["spread"] == {"test_accuracy": {"mean": 96.0, "std": None}}
