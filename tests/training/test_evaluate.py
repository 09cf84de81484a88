from __future__ import annotations

import pytest
import torch

from nni_darts.training.evaluate import evaluate

from .conftest import make_network, valid_loader


def test_evaluation_equals_the_slow_way_and_repeats() -> None:
    network = make_network()
    network.drop_path_prob = 0.9
    found = evaluate(network, valid_loader())
    network.eval()
    x, y = (torch.cat(parts) for parts in zip(*valid_loader(), strict=True))
    logits = network(x)
    assert found["accuracy"] == pytest.approx(100 * (logits.argmax(1) == y).double().mean().item())
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-6)
    network.train()
    assert evaluate(network, valid_loader()) == found
