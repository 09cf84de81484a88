"""Points of a search space: the grid in a stable order, and the settings of each point."""

from __future__ import annotations

import pytest

from nni_darts.config import Settings, apply_point, expand, seed_of
from nni_darts.errors import ConfigError

SETTINGS = Settings.from_dict({"data": {"name": "cifar10"}, "method": {"order": 2}})


def choice(*values: object) -> dict:
    return {"_type": "choice", "_value": list(values)}


def test_the_grid_is_in_the_order_written_and_the_last_key_varies_fastest() -> None:
    points = expand({"seed": choice(1, 0), "arch_lr": choice("1e-4", 0.1)})
    assert points == [
        {"seed": 1, "arch_lr": 1e-4},
        {"seed": 1, "arch_lr": 0.1},
        {"seed": 0, "arch_lr": 1e-4},
        {"seed": 0, "arch_lr": 0.1},
    ]


def test_randint_gives_all_its_integers_without_the_upper_end() -> None:
    assert expand({"seed": {"_type": "randint", "_value": [2, 5]}}) == [{"seed": 2}, {"seed": 3}, {"seed": 4}]


def test_an_empty_space_has_one_point() -> None:
    assert expand({}) == [{}]


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"_type": "uniform", "_value": [0, 1]}, "grid"),
        ([0, 1], "expected {_type"),
        ({"_type": "choice", "_value": []}, "list of values"),
        ({"_type": "choice", "_value": [1, 1]}, "twice"),
        ({"_type": "randint", "_value": [3, 3]}, "randint wants"),
        ({"_type": "randint", "_value": [0.5, 3]}, "randint wants"),
        ({"_type": "randint", "_value": [0, 5000]}, "5000 points"),
    ],
)
def test_what_has_no_grid_is_refused(entry: object, word: str) -> None:
    with pytest.raises(ConfigError, match=r"^searchSpace") as caught:
        expand({"seed": entry})
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "section", "name"),
    [
        ("arch_lr", 0.1, "search", "arch_lr"),
        ("search.arch_lr", 0.1, "search", "arch_lr"),
        ("lr", 0.1, "search", "lr"),
        ("epochs", 3, "search", "epochs"),
        ("order", 1, "method", "order"),
        ("method.order", 1, "method", "order"),
        ("method", "other", "method", "name"),
        ("data.train_portion", 0.3, "data", "train_portion"),
    ],
)
def test_a_key_replaces_the_setting_it_names_and_nothing_else(
    key: str, value: object, section: str, name: str
) -> None:
    data = apply_point(SETTINGS, {"seed": 7, key: value}).to_dict()
    assert data[section].pop(name) == value
    original = SETTINGS.to_dict()
    original[section].pop(name)
    assert data == original


def test_arguments_of_the_space_vary_by_their_short_names() -> None:
    args = apply_point(SETTINGS, {"init_channels": 4, "layers": 5, "space.args.nodes": 3}).space.args
    assert (args["init_channels"], args["layers"], args["nodes"]) == (4, 5, 3)


def test_the_seed_is_no_setting() -> None:
    assert apply_point(SETTINGS, {"seed": 3}) == SETTINGS
    assert (seed_of({"seed": 3}), seed_of({})) == (3, 0)


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ({"arch_lt": 1}, "searchSpace.arch_lt: is no setting. Did you mean arch_lr"),
        ({"search.arch_lt": 1}, "searchSpace.search.arch_lt: is no setting. Did you mean search.arch_lr"),
        ({"zzzzzz": 1}, "searchSpace.zzzzzz: is no setting. Use seed, or a settings path"),
        ({"lr": -1}, "searchSpace.lr: expected a number > 0, got -1."),
        ({"seed": -1}, "searchSpace.seed: expected a whole number >= 0, got -1."),
        ({"stages": ["search"]}, "searchSpace.stages: is the same for the whole experiment"),
        ({"retrain.epochs": 5}, "searchSpace.retrain.epochs: is the same for the whole experiment"),
    ],
)
def test_a_key_that_is_no_setting_or_has_a_wrong_value_is_refused(point: dict, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_point(SETTINGS, point)
    assert str(caught.value).startswith(sentence)
