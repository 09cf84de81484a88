from __future__ import annotations

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.ramp import Linear
from tests.toy import paper_toy


def values(ramp: Linear, epochs: int) -> list[float]:
    state = paper_toy()
    state.epochs = epochs
    found = []
    for epoch in range(epochs):
        state.clock.fill_(epoch)
        found.append(ramp(state).item())
    return found


def test_a_span_does_not_depend_on_the_length_of_the_search():
    assert values(Linear(0.0, 50.0, 100), 50) == pytest.approx(
        [0.5 * epoch for epoch in range(50)], abs=1e-12
    )
    assert values(Linear(1.0, 2.0, 2), 5) == [1.0, 1.5, 2.0, 2.0, 2.0]


def test_without_a_span_the_last_epoch_has_the_last_value():
    assert values(Linear(10.0, 0.1), 4) == pytest.approx([10.0, 6.7, 3.4, 0.1], abs=1e-12)
    assert values(Linear(10.0, 0.1), 250)[-1] == 0.1  # NNI's schedule never arrives
    assert values(Linear(10.0, 0.1), 1) == [10.0]


def test_the_clock_is_read_on_its_device_and_nothing_is_read_back():
    state = paper_toy()
    state.clock = torch.zeros((), dtype=torch.float64, device="meta")
    assert Linear(0.0, 1.0, 3)(state).device.type == "meta"


def test_a_span_of_no_epoch_is_refused():
    with pytest.raises(ConfigError, match="method.span: got 0"):
        Linear(0.0, 1.0, 0)
