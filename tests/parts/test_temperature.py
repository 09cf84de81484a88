from __future__ import annotations

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.gumbel import GumbelSoftmax
from nni_darts.recipe import build_recipe
from tests.toy import paper_toy


def temperatures(method: str, epochs: int) -> list[float]:
    """In every epoch of a search of that length, read from the relaxation."""
    state = paper_toy()
    state.relaxation = GumbelSoftmax({"alpha": 3})
    held, state.epochs = state.relaxation.temperature, epochs
    (schedule,) = build_recipe(method).schedules
    found = []
    for epoch in range(epochs):
        state.clock.fill_(epoch)
        schedule(state)
        found.append(state.relaxation.temperature.item())
    assert state.relaxation.temperature is held  # what a recorded step reads
    return found


def test_gdas_reaches_its_last_temperature_in_the_last_epoch():
    found = temperatures("gdas", 250)
    assert found[0] == 10
    assert found[-1] == pytest.approx(0.1, rel=1e-6)
    assert found[100] == pytest.approx(10 - 9.9 * 100 / 249, rel=1e-6)


def test_snas_refers_to_150_epochs_whatever_the_search():
    assert temperatures("snas", 50)[-1] == pytest.approx((1 - 49 / 150) * 0.97 + 0.03, rel=1e-6)
    assert temperatures("snas", 160)[-1] == pytest.approx(0.03, rel=1e-6)


def test_a_relaxation_without_temperature_is_refused():
    with pytest.raises(ConfigError, match=r"Cooling \(schedules\) needs a relaxation with a temperature"):
        build_recipe("darts", {"schedules": "cooling"})


def test_the_temperature_is_in_the_checkpoint():
    relaxation = GumbelSoftmax({"a": 2})
    relaxation.temperature.fill_(0.3)
    assert torch.equal(relaxation.state_dict()["temperature"], torch.tensor(0.3))
