"""When averaging begins, and that evaluations see averages while training goes on with the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_darts.training.averaging import Averaging


def begins_at(losses: list[float], nonmono: int | None = 5) -> int | None:
    rule = Averaging(nonmono)
    answers = [rule.observe(loss) for loss in losses]
    assert rule.active is any(answers)
    return answers.index(True) if any(answers) else None


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        # Card evaluation-protocol, item 6: not before six losses are stored, never while they are constant.
        ([5, 4, 3, 2, 1, 1.5, 1.4], None),
        ([5, 9, 9, 9, 9, 9, 6], 6),
        ([5, 9, 9, 9, 9, 9], None),
        ([5] * 20, None),
        # Seven before: min(5, 4) = 4 counts, the last five do not.
        ([5, 4, 3, 2, 1, 1, 1, 3.9], None),
        ([5, 4, 3, 2, 1, 1, 1, 4.1], 7),
    ],
)
def test_item_6_averaging_begins_when_the_loss_stops_falling(losses, place):
    assert begins_at(losses) == place
    assert begins_at(losses, nonmono=None) is None


def test_a_checkpoint_keeps_the_losses():
    rule = Averaging(2)
    for loss in (3.0, 4.0, 4.0):
        rule.observe(loss)
    resumed = Averaging(2)
    resumed.load_state_dict(rule.state_dict())
    assert resumed.observe(3.5) is rule.observe(3.5) is True
    assert resumed.state_dict() == rule.state_dict()


def test_evaluations_see_the_mean_of_the_weights_since_averaging_began():
    """ASGD with t0 = 0 and lambd = 0: steps of plain SGD, and the mean of all iterates but the first."""
    layer = nn.Linear(1, 1, bias=False)
    rule = Averaging(0)
    rule.observe(1.0)
    assert rule.observe(2.0)
    optimizer = rule.optimizer(layer.parameters(), lr=0.1)
    seen = []
    for _ in range(4):
        optimizer.zero_grad()
        layer(torch.tensor([[1.0]])).sum().backward()
        optimizer.step()
        seen.append(float(layer.weight.detach()))
    assert seen[0] - seen[3] == pytest.approx(0.3)
    current = layer.weight.detach().clone()
    rule.enter(optimizer)
    assert float(layer.weight.detach()) == pytest.approx(sum(seen[1:]) / 3)
    rule.leave()
    assert torch.equal(layer.weight, current)


def test_the_best_evaluation_is_strictly_better():
    rule = Averaging()
    answers = []
    for loss in (3.0, 2.0, 2.0, 2.5, 1.0):
        rule.observe(loss)
        answers.append(rule.is_best)
    assert answers == [True, True, False, False, True]
