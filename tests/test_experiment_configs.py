"""Every shipped experiment file loads in NNI and in our own validation, and is what its head says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml
from nni.experiment.config import ExperimentConfig

from nni_darts.config import Settings, apply_point, expand, read_experiment, validate
from nni_darts.data import DataInfo
from nni_darts.genotype import resolve
from nni_darts.recipe import build_recipe
from nni_darts.stages.space import build_network

FOLDER = Path(__file__).parents[1] / "experiment_configs"
FILES = sorted(FOLDER.iterdir())
REQUIRED = {
    *("darts_digits", "darts_cifar", "darts_cifar_first_order", "darts_cifar_cpu"),
    *("darts_image_folder", "darts_imagenet"),
    *("r_darts_l2_cifar", "r_darts_dp_cifar"),
    *("darts_ptb", "darts_ptb_cpu"),
}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def head(path: Path) -> dict[str, str]:
    """The lines ``# Word: text`` of the comment that opens a file."""
    lines = path.read_text(encoding="utf-8").split("\nexperimentName", 1)[0].splitlines()
    assert all(line.startswith("#") for line in lines)
    return dict(found.groups() for line in lines if (found := re.match(r"# (\w+): (.+)", line)))  # type: ignore[misc]


def test_all_that_were_promised_are_there() -> None:
    assert {path.stem for path in FILES} >= REQUIRED
    assert {path.suffix for path in FILES} == {".yml"}


@each_file
def test_nni_accepts_it(path: Path) -> None:
    config = ExperimentConfig.load(path)
    config.validate()
    assert config.trial_gpu_number is None
    assert config.tuner is not None


@each_file
def test_our_validation_accepts_it(path: Path) -> None:
    # Folders and GPUs are those of the user's machine.
    assert validate(path, machine=path.stem == "darts_digits") == []
    settings = read_experiment(path).settings
    build_recipe(settings.method.name, **settings.method.options)


@each_file
def test_its_settings_are_read_back_as_they_were_written(path: Path) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings = Settings.from_dict(data["tuner"]["classArgs"])
    assert Settings.from_dict(settings.to_dict()) == settings
    points = expand(data["searchSpace"])
    assert len({apply_point(settings, point).to_dict()["method"]["name"] for point in points}) == 1
    if "search" in settings.stages:
        seeds = {point["seed"] for point in points}
        assert seeds == set(range(len(seeds)))
    else:
        assert points == [{}]


@each_file
def test_its_head_says_what_it_needs_and_how_to_run_it(path: Path) -> None:
    words = head(path)
    device = read_experiment(path).settings.trainer.device
    assert words["Hardware"].startswith("CPU" if device == "cpu" else "GPU")
    assert device in ("cpu", "cuda")
    assert words["Measured"]
    assert words["Run"].startswith(f"nnictl create --config experiment_configs/{path.name}")


def test_the_papers_protocol() -> None:
    settings = read_experiment(FOLDER / "darts_cifar.yml").settings
    default = Settings.from_dict({"data": {"name": "cifar10", "download": True}})
    assert settings.method.options == {"order": 2, "hvp": "fd"}
    assert settings.search == default.search
    assert settings.select == default.select
    assert settings.retrain == default.retrain
    assert len(read_experiment(FOLDER / "darts_cifar.yml").points) == 4


def test_first_order_differs_in_the_order_only() -> None:
    second, first = (
        read_experiment(FOLDER / f"{name}.yml").settings.to_dict()
        for name in ("darts_cifar", "darts_cifar_first_order")
    )
    assert first.pop("method") == {"name": "darts", "order": 1, "parts": {}}
    second.pop("method")
    assert first == second


def test_the_papers_recipe_for_imagenet() -> None:
    settings = read_experiment(FOLDER / "darts_imagenet.yml").settings
    data, retrain = settings.data, settings.retrain
    assert (settings.stages, settings.genotype) == (["retrain"], "DARTS_V2")
    assert (data.augmentation, data.image_size, data.crop_size, data.flip) == ("imagenet", 256, 224, True)
    assert (retrain.epochs, retrain.batch_size, retrain.lr, retrain.gamma) == (250, 128, 0.1, 0.97)
    assert (retrain.schedule, retrain.momentum, retrain.weight_decay) == ("exponential", 0.9, 3e-5)
    assert (retrain.grad_clip, retrain.drop_path_prob, retrain.cutout_length) == (5, 0, 0)
    assert (retrain.label_smoothing, retrain.auxiliary_weight) == (0.1, 0.4)
    network = {"stem": "imagenet", "init_channels": 48, "layers": 14, "auxiliary": True}
    assert {name: retrain.network[name] for name in network} == network


def test_the_network_for_imagenet_takes_its_crops_and_has_the_measured_size() -> None:
    settings = read_experiment(FOLDER / "darts_imagenet.yml").settings
    size = (settings.data.crop_size, settings.data.crop_size)
    names = tuple(map(str, range(1000)))
    info = DataInfo("image_folder", 1000, 3, size, (0.5,) * 3, (0.5,) * 3, names)
    architecture = resolve(settings.genotype)
    with torch.device("meta"):
        network = build_network(settings, settings.retrain.network, architecture, info)
    # The card: 4,718,752 without and 5,979,528 with the head, both measured on the official classes.
    assert sum(weight.numel() for weight in network.parameters()) == 5_979_528


def test_the_papers_protocol_for_recurrent_cells() -> None:
    """Cards darts-rnn and evaluation-protocol: what the file writes is what texts have by default."""
    experiment = read_experiment(FOLDER / "darts_ptb.yml")
    settings = experiment.settings
    default = Settings.from_dict({"data": {"name": "ptb"}, "space": {"name": "darts_rnn"}})
    assert settings.method.options == {"order": 2, "hvp": "fd"}
    assert len(experiment.points) == 4
    assert settings.space.args == default.space.args
    assert settings.search == default.search
    assert settings.select == default.select
    assert settings.retrain.model_copy(update={"seeds": default.retrain.seeds}) == default.retrain
    assert (settings.search.unrolled_clip, settings.search.lr, settings.search.momentum) == (0.25, 20, 0)
    assert (settings.select.epochs, settings.retrain.epochs) == (300, 8000)


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("r_darts_l2", "factor", [1, 3, 9, 27, 81]),
        ("r_darts_dp", "drop_path_prob", [0, 0.2, 0.4, 0.6]),
    ],
)
def test_r_darts_searches_at_every_strength_and_selects_by_validation(name, option, values) -> None:
    """Card r-darts: the authors' grid; second order, weight decay 3e-4 before the factor."""
    experiment = read_experiment(FOLDER / f"{name}_cifar.yml")
    settings, points = experiment.settings, experiment.points
    assert settings.stages == ["search", "select", "retrain"]
    searches = [apply_point(settings, point) for point in points]
    assert [point["seed"] for point in points] == [0] * len(values)
    assert [search.method.options[option] for search in searches] == values
    assert all(search.method.name == name.replace("_", "-") for search in searches)
    assert all(search.method.options["order"] == 2 for search in searches)
    assert {search.search.weight_decay for search in searches} == {3e-4}
    cut = settings.search.cutout_length, settings.search.cutout_schedule
    assert cut == ((16, "linear") if name == "r_darts_dp" else (0, "linear"))
