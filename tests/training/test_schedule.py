from __future__ import annotations

import math

import pytest
import torch

from nni_darts.training.schedule import drop_path_prob, learning_rate_schedule


def rates(name: str, lr: float, epochs: int, lr_min: float = 0.0, gamma: float = 0.97) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = learning_rate_schedule(optimizer, name, epochs, lr_min, gamma)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_cosine_of_retraining() -> None:
    found = rates("cosine", 0.025, 600)
    assert found[0] == 0.025
    assert found[300] == pytest.approx(0.0125, abs=1e-9)
    assert found[599] == pytest.approx(1.71e-7, rel=1e-2)
    assert found == pytest.approx([0.0125 * (1 + math.cos(math.pi * e / 600)) for e in range(600)], abs=1e-12)


def test_cosine_of_the_search() -> None:
    found = rates("cosine", 0.025, 50, lr_min=0.001)
    assert found[1] == pytest.approx(0.0249763, abs=1e-7)
    assert found[25] == pytest.approx(0.0130, abs=1e-9)
    assert found[49] == pytest.approx(0.0010237, abs=1e-7)


def test_exponential_of_imagenet() -> None:
    found = rates("exponential", 0.1, 250)
    assert found[1] == pytest.approx(0.097)
    assert found[100] == pytest.approx(0.004755, abs=1e-6)
    assert found[249] == pytest.approx(5.083e-5, abs=1e-8)


def test_drop_path_grows_linearly_and_never_arrives() -> None:
    assert drop_path_prob(0.2, 0, 600) == 0
    assert drop_path_prob(0.2, 300, 600) == pytest.approx(0.1)
    assert drop_path_prob(0.2, 599, 600) == pytest.approx(0.19967, abs=1e-5)


def test_unknown_schedule() -> None:
    with pytest.raises(ValueError, match="give cosine or exponential"):
        rates("step", 0.1, 2)
