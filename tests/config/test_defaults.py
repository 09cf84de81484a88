"""The tables of defaults: values of the cards, which one counts, and where each says it is from."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from nni_darts.cli.inputs import resolve_inputs
from nni_darts.config import Settings, apply_point
from nni_darts.config.defaults import METHODS, SPACES, search_defaults
from nni_darts.config.search import Search
from nni_darts.config.space import KNOWN
from nni_darts.errors import ConfigError
from nni_darts.recipe import methods
from nni_darts.run.resolved import resolved_yaml


def search(method: str = "darts", space: str = "darts", **given: Any) -> Search:
    data = {"data": {"name": "cifar10"}, "method": {"name": method}, "space": {"name": space}}
    return Settings.from_dict({**data, **({"search": given} if given else {})}).search


def test_the_tables_are_of_what_there_is() -> None:
    assert set(METHODS) <= set(methods())
    assert set(SPACES) <= set(KNOWN)
    assert {space for own in METHODS.values() for space in own.on} <= set(KNOWN)


@pytest.mark.parametrize("space", [name for name, known in KNOWN.items() if not known.text])
@pytest.mark.parametrize("method", METHODS)
def test_every_entry_is_a_setting_that_differs_and_says_whose_it_is(method: str, space: str) -> None:
    found = search(method, space)
    usual = Search()
    for key, implied in search_defaults(method, space).items():
        assert getattr(found, key) == implied.value
        assert getattr(usual, key) != implied.value or space in METHODS[method].on
        assert implied.origin.startswith("default of the ")
        assert implied.origin.endswith(")")


@pytest.mark.parametrize(
    ("method", "space", "expected"),
    [
        ("pc-darts", "darts", {"batch_size": 256, "lr": 0.1, "lr_min": 0.0, "arch_lr": 6e-4, "epochs": 50}),
        ("fair-darts", "s3", {"batch_size": 128, "lr": 0.005, "arch_lr": 3e-3, "arch_betas": (0.9, 0.999)}),
        ("noisy-darts", "darts", {"batch_size": 128, "lr": 0.05, "lr_min": 0.001, "arch_lr": 3e-4}),
        ("gdas", "darts", {"epochs": 250, "batch_size": 256, "weight_decay": 5e-4, "lr": 0.025}),
        ("gdas", "darts", {"momentum": 0.9, "nesterov": True}),
        ("gdas", "nasbench201", {"epochs": 250, "batch_size": 64, "weight_decay": 5e-4, "nesterov": True}),
        ("snas", "darts", {"epochs": 150, "batch_size": 64, "arch_grad_clip": 10.0, "nesterov": False}),
        ("idarts", "darts", {"epochs": 50, "batch_size": 96, "lr": 0.025, "grad_clip": 5.0}),
        ("idarts", "darts", {"momentum": 0.9, "nesterov": False}),
        ("idarts", "nasbench201", {"epochs": 30, "batch_size": 64, "lr": 0.01, "weight_decay": 5e-4}),
        ("idarts", "nasbench201", {"momentum": 0.9, "nesterov": True}),
        ("darts", "nasbench201", {"epochs": 100, "batch_size": 64}),
        ("beta-darts", "nasbench201", {"epochs": 100, "lr": 0.025}),
        ("darts", "darts", {"epochs": 50, "batch_size": 64, "lr": 0.025, "lr_min": 0.001, "arch_lr": 3e-4}),
        ("darts", "darts", {"momentum": 0.9, "nesterov": False}),
    ],
)
def test_values_of_the_cards(method: str, space: str, expected: dict[str, Any]) -> None:
    """Cards pc-darts, fair-darts, noisy-darts, gumbel-softmax, idarts, beta-darts and darts, "Defaults"."""
    found = search(method, space)
    assert {key: getattr(found, key) for key in expected} == expected


def test_what_is_said_comes_before_all_of_them() -> None:
    found = search("pc-darts", lr=0.025, grad_clip=None)
    assert (found.lr, found.grad_clip, found.batch_size) == (0.025, None, 256)
    assert search("idarts", "nasbench201", epochs=50).epochs == 50


def test_resolved_settings_are_read_again_as_they_are() -> None:
    data = {"method": {"name": "fair-darts"}, "search": {"lr": 0.01}}
    settings = Settings.from_dict(data)
    assert Settings.from_dict(settings.to_dict()) == settings
    text = resolved_yaml(settings.to_dict())
    assert Settings.from_dict(yaml.safe_load(text)) == settings
    # Written out they are no defaults any more: another method leaves them alone.
    written = yaml.safe_load(text) | {"method": {"name": "darts"}}
    assert Settings.from_dict(written).search == settings.search


def test_every_value_tells_whose_default_it_is() -> None:
    given = {
        "method.name": ("idarts", "--method"),
        "space.name": ("nasbench201", "--space"),
        "search.lr": (0.2, "--lr"),
    }
    origins = resolve_inputs("search", None, given).origins
    assert origins["search.lr"] == "--lr"
    assert origins["search.batch_size"] == (
        "default of the method idarts on nasbench201 (official notebook for NAS-Bench-201)"
    )
    assert origins["search.momentum"] == "default"
    assert origins["search.nesterov"] == origins["search.batch_size"]
    del given["method.name"]
    origins = resolve_inputs("search", None, given).origins
    assert origins["search.epochs"].startswith("default of the space nasbench201 (")
    given["method.name"] = ("pc-darts", "--method")
    origins = resolve_inputs("search", None, given).origins
    assert origins["search.arch_lr"] == "default of the method pc-darts (official train_search.py)"


def test_a_point_with_another_method_has_that_methods_defaults() -> None:
    """But what the file says, even where it says what DARTS has anyway."""
    settings = Settings.from_dict({"search": {"lr": 0.025, "arch_lr": 0.1}})
    found = apply_point(settings, {"method": "pc-darts"}).search
    assert (found.lr, found.arch_lr, found.batch_size, found.lr_min) == (0.025, 0.1, 256, 0.0)
    back = apply_point(Settings.from_dict({"method": {"name": "pc-darts"}}), {"method.name": "darts"})
    assert back.search == Search()
    same = Settings.from_dict({"method": {"name": "pc-darts"}, "search": {"lr": 0.1}})
    assert apply_point(same, {"method": "darts"}).search == Search(lr=0.1)
    plain = Settings.from_dict(
        {"stages": ["search"], "space": {"name": "my.own:Space"}, "search": {"arch_lr": 0.1}}
    )
    space = apply_point(plain, {"space.name": "nasbench201"}).search
    assert (space.epochs, space.arch_lr) == (100, 0.1)


def test_a_wrong_section_is_reported_as_ever() -> None:
    for data, words in (
        ({"method": {"name": "pc-darts"}, "search": 5}, "search: expected a group"),
        ({"method": 5}, "method: expected a group"),
        ({"method": {"name": "pc-darts"}, "search": {"lrr": 1}}, "search.lrr: unknown key"),
    ):
        with pytest.raises(ConfigError, match=words):
            Settings.from_dict(data)
