from __future__ import annotations

import pytest

from nni_darts.capture.parts import undeclared
from nni_darts.capture.why import explain
from nni_darts.config import Settings
from nni_darts.recipe import build_recipe


def sentences(device: str | None = "cuda:0", **settings: dict) -> list[str]:
    return explain(Settings.from_dict(settings), device)


@pytest.mark.parametrize("options", [{"order": 1}, {"order": 2}, {"order": 2, "hvp": "exact"}])
def test_darts_is_captured(options: dict) -> None:
    assert undeclared(build_recipe("darts", **options)) == []
    (sentence,) = sentences(method=options)
    assert sentence.startswith("The search step is captured as a CUDA graph (with the architecture, in every")


def test_warm_up_epochs_are_named() -> None:
    assert "without it in the warm-up epochs" in sentences(search={"warmup_epochs": 3})[0]


@pytest.mark.parametrize(
    ("device", "settings", "why"),
    [
        ("cuda:0", {"trainer": {"capture": False}}, "trainer.capture is off"),
        ("cpu", {}, "the device is the CPU"),
        ("cuda:0", {"trainer": {"device": "cpu"}}, "the device is the CPU"),
        ("cuda:0", {"method": {"name": "random-search"}}, "the method's architect leave is not declared"),
    ],
)
def test_why_not(device: str, settings: dict, why: str) -> None:
    found = sentences(device, **settings)
    assert all(sentence.startswith("The search step is not captured: ") for sentence in found)
    assert why in found[0]


def test_nothing_is_said_where_nothing_is_searched() -> None:
    assert sentences(stages=["retrain"], genotype="DARTS_V2") == []
