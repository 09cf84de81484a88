"""Settings: defaults of the papers, numbers written as text, and every problem at once with its key path."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.config import Settings
from nni_darts.errors import ConfigError


def problems(data: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_dict(data)
    return list(caught.value.problems)


CIFAR = {"data": {"name": "cifar10"}}
IMAGENET_FOLDER = {"name": "image_folder", "root": "x"}
IMAGENET = {**IMAGENET_FOLDER, "augmentation": "imagenet", "image_size": 256, "crop_size": 224}


def test_defaults_are_those_of_the_cards() -> None:
    settings = Settings.from_dict(CIFAR)
    search, retrain = settings.search, settings.retrain
    assert (search.epochs, search.batch_size, search.lr, search.lr_min) == (50, 64, 0.025, 0.001)
    assert (search.arch_lr, search.arch_weight_decay, search.arch_betas) == (3e-4, 1e-3, (0.5, 0.999))
    assert (search.momentum, search.weight_decay, search.grad_clip) == (0.9, 3e-4, 5.0)
    assert settings.space.args == {"init_channels": 16, "layers": 8, "nodes": 4, "stem": "cifar"}
    assert (retrain.epochs, retrain.batch_size, retrain.lr_min, retrain.drop_path_prob) == (600, 96, 0.0, 0.2)
    assert (retrain.cutout_length, retrain.auxiliary_weight, len(retrain.seeds)) == (16, 0.4, 10)
    network = {"init_channels": 36, "layers": 20, "auxiliary": True, "drop_path_on": "operation"}
    assert retrain.network == network
    assert settings.select.epochs == 100


def test_importing_the_settings_does_not_import_torch() -> None:
    code = "import sys, nni_darts.config; sys.exit(bool({'torch', 'nni'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("text", ["3e-4", " 3e-4 ", "3E-04", "0.0003", ".0003"])
def test_numbers_written_as_text_are_understood(text: str) -> None:
    assert Settings.from_dict({**CIFAR, "search": {"arch_lr": text}}).search.arch_lr == 3e-4


def test_texts_become_whole_numbers_where_whole_numbers_are_wanted() -> None:
    settings = Settings.from_dict({"search": {"epochs": "1e1"}, "space": {"args": {"layers": "5"}}})
    assert settings.search.epochs == 10
    assert settings.space.args["layers"] == 5


def test_options_of_the_method_are_kept_with_numbers_understood() -> None:
    method = Settings.from_dict({"method": {"order": "1", "radius": "1e-2", "hvp": "exact"}}).method
    assert method.name == "darts"
    assert method.options == {"order": 1, "radius": 0.01, "hvp": "exact"}


def test_all_problems_come_at_once_with_path_value_and_what_is_allowed() -> None:
    found = problems(
        {
            "sarch": {},
            "stages": ["search", "selekt"],
            "data": {"name": "cifar10", "train_portion": 1.5},
            "search": {"arch_lr": "3e-4x", "arch_lrr": 1, "momentum": True, "arch_betas": [0.5]},
            "space": {"args": {"init_chanels": 3, "num_classes": 3}},
            "retrain": {"seeds": [], "network": 3},
            "trainer": {"device": "gpu"},
        }
    )
    assert 'search.arch_lr: expected a number > 0, got "3e-4x" (text).' in found
    assert "search.arch_lrr: unknown key. Did you mean arch_lr or arch_lr_min?" in found
    assert "search.momentum: expected a number >= 0 and < 1, got true." in found
    assert "search.arch_betas[1]: is missing; give a number >= 0 and < 1." in found
    assert "data.train_portion: expected a number > 0 and < 1, got 1.5." in found
    assert 'stages[1]: expected search or select or retrain, got "selekt" (text).' in found
    assert 'trainer.device: expected auto, cpu, cuda or cuda:N, got "gpu" (text).' in found
    assert "sarch: unknown key. Did you mean search or space?" in found
    assert "space.args.init_chanels: unknown key. Did you mean init_channels?" in found
    assert "space.args.num_classes: comes from the data set; leave it out." in found
    assert "retrain.network: expected a group of keys, one per argument, got 3." in found
    assert any(text.startswith("retrain.seeds: expected a list of at least 1") for text in found)
    assert len(found) == 12


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"stages": ["select"]}, "stages"),
        ({"stages": ["retrain", "search"]}, "stages"),
        ({"stages": ["search", "search"]}, "stages"),
        ({"stages": []}, "stages"),
        ({"stages": ["retrain"]}, "genotype"),
        ({"genotype": "DARTS_V2"}, "genotype"),
        ({"data": {"name": "cifar"}}, "data.name"),
        ({"data": {"name": "image_folder"}}, "data.root"),
        ({"data": {"name": "digits", "root": "x"}}, "data.root"),
        ({"data": {"name": "digits", "download": True}}, "data.download"),
        ({"data": {"name": "digits", "image_size": 16}}, "data.image_size"),
        ({"data": {**IMAGENET, "name": "digits", "root": None, "image_size": None}}, "data.augmentation"),
        ({"data": {**IMAGENET, "name": "my.images:pair", "image_size": None}}, "data.augmentation"),
        ({"data": {**IMAGENET, "image_size": None}}, "data.image_size"),
        ({"data": {**IMAGENET, "crop_size": None}}, "data.crop_size"),
        ({"data": {**IMAGENET, "crop_size": 257}}, "data.crop_size"),
        ({"data": {**IMAGENET, "augmentation": "cifar"}}, "data.crop_size"),
        ({"data": {**IMAGENET, "augmentation": "image-net"}}, "data.augmentation"),
        ({"data": {**IMAGENET, "crop_padding": 4}}, "data.crop_padding"),
        ({"data": IMAGENET, "retrain": {"cutout_length": 16}}, "retrain.cutout_length"),
        ({"data": IMAGENET, "search": {"cutout_length": 16}}, "search.cutout_length"),
        ({"space": {"name": "pc-darts"}}, "space.name"),
        ({"space": {"args": {"primitives": ["none", "sep_conf_3x3"]}}}, "space.args.primitives[1]"),
        ({"space": {"args": {"primitives": ["none"]}}}, "space.args.primitives"),
        ({"search": {"lr": 0.01, "lr_min": 0.1}}, "search.lr_min"),
        ({"search": {"epochs": 2, "warmup_epochs": 2}}, "search.warmup_epochs"),
        ({"search": {"momentum": 0, "nesterov": True}}, "search.nesterov"),
        ({"select": {"momentum": 0, "nesterov": True}}, "select.nesterov"),
        ({"retrain": {"momentum": 0, "nesterov": True}}, "retrain.nesterov"),
        ({"retrain": {"seeds": [1, 1]}}, "retrain.seeds"),
        ({"select": {"lr_min": 1}}, "select.lr_min"),
        ({"retrain": {"cutout_length": 8}}, "retrain.cutout_length"),
        ({"search": {"cutout_length": 8}}, "search.cutout_length"),
        ({"retrain": {"network": {"auxiliary": True}}}, "retrain.network.auxiliary"),
        ({"search": None, "select": 5}, "select"),
        ({"search": {"lr": float("nan")}}, "search.lr"),
    ],
)
def test_sections_that_disagree_are_refused(data: dict, path: str) -> None:
    found = problems(data)
    assert [text.split(":")[0] for text in found] == [path], found


def test_a_momentum_of_nesterov_needs_a_momentum() -> None:
    """Also where it is a method's default, and only the momentum was written."""
    sentence = "search.nesterov: needs a momentum, but search.momentum is 0; set false instead of true."
    assert problems({"search": {"momentum": 0, "nesterov": True}}) == [sentence]
    assert problems({"method": {"name": "gdas"}, "search": {"momentum": 0}}) == [sentence]
    plain = {"method": {"name": "gdas"}, "search": {"momentum": 0, "nesterov": False}}
    assert Settings.from_dict(plain).search.nesterov is False
    (found,) = problems({"search": {"nesterov": 0.5}})
    assert found.startswith("search.nesterov: expected ")


def test_a_stage_that_is_off_is_not_checked_against_the_data() -> None:
    assert Settings.from_dict({"stages": ["search"], "retrain": {"cutout_length": 8}})


def test_small_images_get_a_small_cutout_and_no_auxiliary_head() -> None:
    retrain = Settings.from_dict({"data": {"name": "digits"}}).retrain
    assert retrain.cutout_length == 4
    assert retrain.network["auxiliary"] is False


def test_imagenets_augmentation_needs_no_padding_no_cutout_and_gives_the_crop() -> None:
    settings = Settings.from_dict({"data": IMAGENET})
    assert (settings.data.crop_padding, settings.retrain.cutout_length) == (0, 0)
    assert settings.data.size == 224
    assert Settings.from_dict({"data": {**IMAGENET_FOLDER, "augmentation": "imagenet"}}) == settings
    half = Settings.from_dict({"data": {**IMAGENET_FOLDER, "augmentation": "imagenet", "image_size": "128"}})
    assert (half.data.image_size, half.data.crop_size) == (128, 112)
    assert Settings.from_dict(settings.to_dict()) == settings
    crop = {**IMAGENET, "image_size": 36, "crop_size": 32}
    assert Settings.from_dict({"data": crop}).retrain.network["auxiliary"], "the head fits the crop"


def test_a_users_own_space_keeps_its_arguments() -> None:
    space = {"name": "my.module:Space", "args": {"width": "1e1", "deep": {"rate": "1e-3"}}}
    settings = Settings.from_dict({"space": space, "retrain": {"network": {"width": 20}}})
    assert settings.space.args == {"width": 10.0, "deep": {"rate": 1e-3}}
    assert settings.retrain.network == {"width": 20}


def test_no_group_at_all_is_refused() -> None:
    assert "expected groups of settings" in problems([1])[0]  # type: ignore[arg-type]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "search": st.fixed_dictionaries(
                {}, optional={"arch_lr": st.floats(1e-6, 1), "epochs": st.integers(1, 99)}
            ),
            "data": st.sampled_from([{"name": "cifar100", "flip": False}, {"name": "digits"}, {}]),
            "space": st.sampled_from(
                [{"args": {"nodes": 2}}, {"args": {"primitives": ["none", "skip_connect"]}}]
            ),
            "method": st.sampled_from([{"order": 1}, {"hvp": "exact"}]),
            "retrain": st.fixed_dictionaries(
                {}, optional={"seeds": st.just([3, 1]), "network": st.just({"layers": 3})}
            ),
            "trainer": st.sampled_from([{"precision": 32}, {"device": "cuda:1", "threads": 2}]),
        },
    )
)
def test_settings_are_read_back_as_they_were_written(data: dict) -> None:
    settings = Settings.from_dict(data)
    assert Settings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("given", "capture", "data"),
    [({}, "auto", "auto"), ({"capture": "on", "data_on_device": "true"}, "on", "true")]
    + [
        ({"capture": value, "data_on_device": value}, *want)
        for value, want in ((True, ("on", "true")), (False, ("off", "false")))
    ],
)
def test_yaml_s_bare_on_and_off_are_understood(given: dict, capture: str, data: str) -> None:
    trainer = Settings.from_dict({"trainer": given}).trainer
    assert (trainer.capture, trainer.data_on_device) == (capture, data)
    assert Settings.from_dict({"trainer": trainer.model_dump(mode="json")}).trainer == trainer


def test_what_needs_a_gpu_is_refused_on_the_cpu() -> None:
    found = problems({"trainer": {"device": "cpu", "capture": True, "tf32": True}})
    assert found == [
        "trainer.capture: on needs a GPU, but trainer.device is cpu; write auto or off.",
        "trainer.tf32: is of GPUs, but trainer.device is cpu; leave it out.",
    ]
    assert problems({"trainer": {"capture": "sometimes"}}) == [
        'trainer.capture: expected auto or on or off, got "sometimes" (text).'
    ]


@pytest.mark.parametrize(
    ("space", "args", "network"),
    [
        ("s1", {"init_channels": 16, "layers": 8, "stem": "cifar"}, {"init_channels": 36, "layers": 20}),
        ("s3", {"init_channels": 16, "layers": 8, "stem": "cifar"}, {"init_channels": 36, "layers": 20}),
        ("s2", {"init_channels": 16, "layers": 8, "stem": "cifar"}, {"init_channels": 16, "layers": 20}),
        ("s4", {"init_channels": 16, "layers": 8, "stem": "cifar"}, {"init_channels": 16, "layers": 20}),
    ],
)
def test_defaults_of_the_robust_spaces_are_those_of_the_card(space: str, args: dict, network: dict) -> None:
    settings = Settings.from_dict({**CIFAR, "space": {"name": space}})
    assert settings.space.args == args
    assert settings.retrain.network == {**network, "auxiliary": True, "drop_path_on": "operation"}
    assert Settings.from_dict(settings.to_dict()) == settings


def test_defaults_of_nasbench201() -> None:
    settings = Settings.from_dict({**CIFAR, "space": {"name": "nasbench201"}})
    norms = {"affine": False, "track_running_stats": True, "pool_norm": False}
    assert settings.space.args == {"init_channels": 16, "cells": 5, **norms}
    assert settings.retrain.network == {"init_channels": 16, "cells": 5}
    assert settings.search.epochs == 100
    assert settings.retrain.drop_path_prob == settings.select.drop_path_prob == 0
    assert Settings.from_dict(settings.to_dict()) == settings


def test_drop_path_is_refused_where_there_is_none() -> None:
    given = {"space": {"name": "nasbench201"}, "retrain": {"drop_path_prob": 0.2}}
    assert problems(given) == [
        "retrain.drop_path_prob: networks of NAS-Bench-201 have no drop path; set 0 instead of 0.2."
    ]


@pytest.mark.parametrize(
    ("space", "problem"),
    [
        ({"name": "s5"}, 'space.name: unknown "s5"'),
        ({"name": "s1", "args": {"nodes": 3}}, "space.args.nodes: unknown key"),
        ({"name": "s2", "args": {"layers": 2}}, "space.args.layers: "),
        ({"name": "nasbench201", "args": {"layers": 8}}, "space.args.layers: unknown key"),
        ({"name": "nasbench201", "args": {"cells": 0}}, "space.args.cells: "),
    ],
)
def test_arguments_of_other_spaces_are_refused(space: dict, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems({"space": space}))
