"""Experiment files: both layers read and checked, every problem with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from nni.experiment.config import ExperimentConfig

from nni_darts.config import read_experiment, validate
from nni_darts.config.nni_fields import TOP, TUNER
from nni_darts.errors import ConfigError

GOOD = """\
trialCommand: python3 -m nni_darts trial
trialConcurrency: 1
maxExperimentDuration: 1h
searchSpace:
  seed: {_type: choice, _value: [0, 1]}
tuner:
  codeDirectory: .
  className: nni_darts.pipeline.advisor.Advisor
  classArgs:
    data: {name: digits}
    search:
      arch_lr: 1e-4
trainingService: {platform: local}
"""

REMOTE = {"host": "192.0.2.11", "user": "alice", "password": "change-me"}


def file(folder: Path, text: str = GOOD, **changes: object) -> Path:
    """A good file with some of NNI's fields changed; None removes one."""
    data = yaml.safe_load(text)
    for key, value in changes.items():
        data.pop(key, None)
        if value is not None:
            data[key] = value
    path = folder / "experiment.yml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def with_settings(folder: Path, **settings: object) -> Path:
    tuner = {**yaml.safe_load(GOOD)["tuner"], "classArgs": settings}
    return file(folder, tuner=tuner)


def test_a_good_file_has_no_problems_and_is_read(tmp_path: Path) -> None:
    path = file(tmp_path)
    assert validate(path) == []
    experiment = read_experiment(path)
    assert experiment.settings.search.arch_lr == 1e-4
    assert experiment.points == [{"seed": 0}, {"seed": 1}]
    assert experiment.given == {"data": {"name": "digits"}, "search": {"arch_lr": "1e-4"}}
    assert experiment.nni["trialConcurrency"] == 1


def test_our_table_of_nnis_fields_is_nnis() -> None:
    assert {name.lower() for name in TOP} == {
        name.replace("_", "") for name in ExperimentConfig.__dataclass_fields__ if not name.startswith("_")
    }
    from nni.experiment.config.algorithm import _AlgorithmConfig

    assert {name.lower() for name in TUNER} == {
        n.replace("_", "") for n in _AlgorithmConfig.__dataclass_fields__
    }


def test_bare_settings_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("data: {name: digits}\nsearch:\n  epochs: 3\n")
    assert validate(path) == []
    assert read_experiment(path).settings.search.epochs == 3
    assert read_experiment(path).points == [{}]
    path.write_text("data: {name: digits}\nsearch:\n  epochs: 0\n")
    assert validate(path) == [f"{path}:3: search.epochs: expected a whole number >= 1, got 0."]


def test_nnis_spelling_of_keys_does_not_matter(tmp_path: Path) -> None:
    text = GOOD.replace("trialConcurrency", "trial_concurrency").replace("classArgs", "class_args")
    assert validate(file(tmp_path, text)) == []


def test_paths_are_relative_to_the_code_directory_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "code" / "images" / "a").mkdir(parents=True)
    settings = {"data": {"name": "image_folder", "root": "images"}}
    path = with_settings(tmp_path, **settings)
    path.write_text(path.read_text() + "trialCodeDirectory: code\n")
    assert validate(path) == []
    assert read_experiment(path).settings.data.root == str(tmp_path / "code" / "images")


def test_a_search_space_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "space.json").write_text('{"seed": {"_type": "choice", "_value": [4]}}')
    path = file(tmp_path, searchSpace=None, searchSpaceFile="space.json")
    assert validate(path) == []
    assert read_experiment(path).points == [{"seed": 4}]
    (tmp_path / "space.json").unlink()
    assert " searchSpaceFile: " in validate(path)[0]


def test_problems_of_both_layers_come_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(
        """\
experimentNam: x
trialCommand: python3 -m nni_darts trial; echo done
trialConcurrency: 0
trial_gpu_number: 1
maxExperimentDuration: 2days
maxTrialNumber: 1
searchSpace:
  seed: {_type: choice, _value: [0, 1]}
  arch_lt: {_type: choice, _value: [0, 1]}
  lr: {_type: uniform, _value: [0, 1]}
tuner:
  codeDirectory: .
  className: nni_darts.pipeline.advisr.Advisor
  class_args:
    stages: [search, retrain]
    stages: [search, retrain]
    data: {name: digits, rot: 3}
    search:
      arch_lr: 3e-4x
      epochs: 1e1
    space: {name: "no_such_module:Space"}
trainingService: {platform: local, maxTrialNumberPerGpu: 2}
"""
    )
    found = [line.removeprefix(f"{path}:").split(":")[:2] for line in validate(path)]
    assert found == [
        ["1", " experimentNam"],
        ["2", " trialCommand"],
        ["3", " trialConcurrency"],
        ["4", " trialGpuNumber"],
        ["5", " maxExperimentDuration"],
        ["6", " maxTrialNumber"],
        ["9", " searchSpace.arch_lt"],
        ["10", " searchSpace.lr"],
        ["13", " tuner.className"],
        ["16", " stages"],
        ["17", " data.rot"],
        ["19", " search.arch_lr"],
        ["21", " space.name"],
        ["22", " trainingService.maxTrialNumberPerGpu"],
    ]
    with pytest.raises(ConfigError) as caught:
        read_experiment(path)
    assert f"{path}:19: search.arch_lr" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("maxExperimentDuration", "2 days", "90m, 24h or 7d"),
        ("maxTrialDuration", "h", "90m, 24h or 7d"),
        ("maxTrialDuration", -5, "90m, 24h or 7d"),
        ("trialConcurrency", "two", "whole number >= 1"),
        ("trialConcurrency", None, "is missing"),
        ("trainingService", None, "is missing"),
        ("trainingService", {"platform": "locl"}, "local or remote"),
        ("trainingService", {"platform": "local", "reuseMode": True}, "fails with it"),
        ("trainingService", {"platform": "local", "gpuIndices": "0"}, "chosen in the trial"),
        ("trainingService", {"platform": "remote", "machineList": [REMOTE]}, "nniManagerIp"),
        ("trainingService", {"platform": "local", "machineList": []}, "NNI refuses the file"),
        ("trialGpuNumber", 0, "chosen in the trial"),
        ("maxTrialNumber", 13, "need 14 trials"),
        ("experimentType", "nas", "leave it out"),
        ("assessor", {"name": "Medianstop"}, "leave it out"),
        ("advisor", {"name": "Hyperband"}, "under tuner"),
        ("logLevel", "loud", "expected fatal"),
        ("trialCommand", "python3 train.py", "python3 -m nni_darts trial"),
        ("searchSpace", None, "is missing"),
        ("tuner", None, "is missing"),
        ("tuner", {"name": "Random"}, "knows nothing of stages"),
        ("tuner", {"name": "Rndom"}, 'unknown tuner "Rndom"'),
        ("tuner", {"className": "nni_darts.pipeline.advisor.Advisor"}, "codeDirectory: ."),
        ("tuner", {"className": "pathlib.Path", "codeDirectory": "."}, "knows nothing of stages"),
        ("tunerGpuIndices", [-1], "NNI refuses the file"),
        ("experimentName", 5, "NNI refuses the file"),
    ],
)
def test_what_nni_would_say_late_or_never_is_said(
    tmp_path: Path, field: str, value: object, word: str
) -> None:
    found = validate(file(tmp_path, **{field: value}))
    assert len(found) == 1
    assert word in found[0]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"data": {"name": "image_folder", "root": "nowhere"}}, "there is no folder"),
        ({"data": {"name": "cifar10", "root": "."}}, "holds neither train/<class>/ nor cifar-10-batches-py/"),
        ({"data": {"name": "no_module:pair"}}, "cannot be imported"),
        ({"space": {"name": "broken_module:Space"}}, "boom"),
        ({"method": {"name": "dart"}}, 'method.name: unknown method "dart"'),
        ({"method": {"ordr": 2}}, "method.ordr"),
        ({"trainer": {"device": "cuda:999"}}, "trainer.device: cuda:999"),
        ({"stages": ["retrain"], "genotype": "DARTS_V3"}, "DARTS_V2"),
        ({"stages": ["retrain"], "genotype": "missing.json"}, "missing.json"),
        ({"stages": ["retrain"], "genotype": "DARTS_V2", "space": {"args": {"nodes": 3}}}, "4 nodes"),
    ],
)
def test_what_depends_on_the_machine_is_checked_where_asked(
    tmp_path: Path, settings: dict, word: str
) -> None:
    (tmp_path / "broken_module.py").write_text("raise RuntimeError('boom')\n")
    path = with_settings(tmp_path, **settings)
    points = {"seed": {"_type": "choice", "_value": [0]}}
    path.write_text(path.read_text().replace("- 0\n    - 1", "- 0"))
    assert points == yaml.safe_load(path.read_text())["searchSpace"]
    assert validate(path, machine=False) == []
    found = validate(path)
    assert found
    assert word in found[0]


def test_no_points_vary_when_nothing_is_searched(tmp_path: Path) -> None:
    found = validate(with_settings(tmp_path, stages=["retrain"], genotype="DARTS_V2"))
    assert "2 points, but no stage searches" in found[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [1", ":1: is not valid YAML"),
        ("- 1\n", "expected a file of keys and values"),
        ("", "expected a file of keys and values"),
        ("a: !!python/object:os.system {}", "is not valid YAML"),
    ],
)
def test_what_is_no_file_of_keys_is_refused(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(text)
    assert word in validate(path)[0]
    with pytest.raises(ConfigError):
        read_experiment(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    assert validate(tmp_path / "no.yml") == [
        f"{tmp_path / 'no.yml'}: cannot be read: No such file or directory."
    ]


def test_names_and_disagreements_are_told_beside_malformed_values(tmp_path):
    path = tmp_path / "settings.yml"
    path.write_text(
        "search: {epochs: two}\n"
        "data: {name: cifar11}\n"
        "method: {name: dart}\n"
        "stages: [search]\n"
        "genotype: DARTS_V2\n"
    )
    found = "\n".join(validate(path))
    for start in (
        "search.epochs: expected",
        'data.name: unknown "cifar11"',
        "genotype: is only",
        'method "dart"',
    ):
        assert start in found, found


def test_of_what_a_misspelt_space_decides_nothing_is_said(tmp_path: Path) -> None:
    """Its arguments are not those of the default space, nor is that the one that does not fit the data."""
    path = tmp_path / "settings.yml"
    path.write_text(
        "space: {name: darts_rn, args: {width: 8}}\n"
        "data: {name: ptb}\n"
        "search: {epochs: 0}\n"
        "retrain: {network: {width: 8}, batch_sise: 3}\n"
    )
    found = validate(path, machine=False)
    assert [line.split(": ")[1] for line in found] == ["space.name", "search.epochs", "retrain.batch_sise"]


def test_of_what_misspelt_data_decide_nothing_is_said(tmp_path: Path) -> None:
    """Neither that the space does not fit them, nor what images would have to do with these settings."""
    path = tmp_path / "settings.yml"
    path.write_text(
        "space: {name: darts_rnn, args: {width: 8}}\n"
        "data: {name: ptbb, lines: 3}\n"
        "search: {epochs: 0, text: {bptt: 5}}\n"
        "retrain: {network: {width: 8}, batch_sise: 3}\n"
    )
    found = validate(path, machine=False)
    assert [line.split(": ")[1] for line in found] == ["data.name", "search.epochs", "retrain.batch_sise"]
    path.write_text("space: {name: darts_rn}\ndata: {name: ptbb, lines: 3}\n")
    both = validate(path, machine=False)
    assert [line.split(": ")[1] for line in both] == ["space.name", "data.name"]
