"""Settings on texts: their own defaults, and sentences where images and texts are mixed up."""

from __future__ import annotations

from typing import Any

import pytest

from nni_darts.config import Settings
from nni_darts.errors import ConfigError

TEXT = {"data": {"name": "ptb"}, "space": {"name": "darts_rnn"}}


def settings(**more: Any) -> Settings:
    return Settings.from_dict({**TEXT, **more})


def test_defaults_are_those_of_the_recurrent_search_and_training():
    """rnn/train_search.py and rnn/train.py; cards darts-rnn and evaluation-protocol, Defaults."""
    found = settings()
    search, retrain = found.search, found.retrain
    assert (search.lr, search.lr_min, search.momentum, search.weight_decay) == (20, 20, 0, 5e-7)
    assert (search.epochs, search.batch_size, search.grad_clip) == (50, 256, 0.25)
    assert (search.arch_lr, search.arch_betas, search.arch_weight_decay) == (3e-3, (0.9, 0.999), 1e-3)
    assert search.text is not None
    assert (search.text.bptt, search.text.half_share, search.text.spread) == (35, 0.05, 0)
    assert (retrain.lr, retrain.weight_decay, retrain.batch_size, retrain.epochs) == (20, 8e-7, 64, 8000)
    assert retrain.text is not None
    assert (retrain.text.spread, retrain.text.nonmono, retrain.text.temporal) == (5, 5, 1e-3)
    assert (retrain.text.valid_batch_size, retrain.text.test_batch_size) == (10, 1)
    assert found.space.args["width"] == 300
    assert (retrain.network["width"], retrain.network["dropoute"]) == (850, 0.1)
    assert found.select.epochs == 300
    assert Settings.from_dict(found.to_dict()) == found


def test_the_rate_that_is_given_stays():
    found = settings(search={"lr": 5}, retrain={"lr": 7, "text": {"nonmono": None}})
    assert (found.search.lr, found.search.lr_min, found.retrain.lr_min) == (5, 5, 7)
    assert found.retrain.text is not None
    assert found.retrain.text.nonmono is None


@pytest.mark.parametrize("method", ["fair-darts", "pc-darts", "gdas"])
def test_what_methods_search_images_with_does_not_count(method: str):
    assert settings(method={"name": method}).search == settings().search


def test_images_have_none_of_it():
    plain = Settings.from_dict({})
    assert plain.search.text is plain.retrain.text is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"data": {"name": "digits"}}, "space.name: the space darts_rnn is for texts (ptb, wikitext2, text)"),
        ({"space": {"name": "darts"}}, "space.name: the space darts is for images"),
        ({"search": {"momentum": 0.9}}, "search.momentum: SGD on texts has no momentum; set 0"),
        (
            {"search": {"nesterov": True}},
            "search.nesterov: SGD on texts has no momentum; set false instead of true.",
        ),
        ({"retrain": {"nesterov": True}}, "retrain.nesterov: SGD on texts has no momentum; set false"),
        ({"retrain": {"lr_min": 1}}, "retrain.lr_min: the rate on texts stays"),
        ({"data": {"name": "text"}}, "data.root: is missing: the folder that holds the train, valid"),
        (
            {"space": {"name": "darts_rnn", "args": {"vocabulary": 9}}},
            "comes from the data set; leave it out",
        ),
        ({"search": {"text": {"bptt": 0}}}, "search.text.bptt"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(content: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as caught:
        settings(**content)
    assert sentence in str(caught.value)
    assert len(caught.value.problems) == 1


def test_texts_keys_are_refused_on_images():
    with pytest.raises(ConfigError) as caught:
        Settings.from_dict({"data": {"name": "digits", "lines": 5}, "search": {"text": {"bptt": 3}}})
    assert "data.lines: is only for texts" in str(caught.value)
    assert "search.text: is only for texts, not for digits" in str(caught.value)
