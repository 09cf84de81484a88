"""One step of SGD, written out by us, against the one that torch does."""

from __future__ import annotations

import pytest
import torch

from nni_darts.state.sgd import read_sgd


def optimizer(steps: int, lr: float | torch.Tensor = 0.1, nesterov: bool = False) -> torch.optim.SGD:
    """Groups with their own rates, momenta and decays; the last weight never has a gradient."""
    torch.manual_seed(1)
    a, b, c, idle, fixed = (torch.nn.Parameter(torch.randn(3, dtype=torch.float64)) for _ in range(5))
    fixed.requires_grad_(False)
    sgd = torch.optim.SGD(
        [
            {"params": [a, fixed, idle], "momentum": 0.9, "weight_decay": 0.01, "nesterov": nesterov},
            {"params": [b], "lr": 0.5},
            {"params": [c], "weight_decay": 0.3},
        ],
        lr=lr,
    )
    for _ in range(steps):
        for weight in (a, b, c):
            weight.grad = torch.randn_like(weight)
        sgd.step()
    return sgd


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("lr", [0.1, torch.tensor(0.1, dtype=torch.float64)])
@pytest.mark.parametrize("nesterov", [False, True])
def test_the_change_is_what_torch_does(steps, lr, nesterov):
    sgd = optimizer(steps, lr, nesterov)
    ours = read_sgd(sgd)
    gradients = [torch.randn_like(weight) for weight in ours.weights]
    change = ours.change(gradients)
    before = [weight.detach().clone() for weight in ours.weights]
    for weight, gradient in zip(ours.weights, gradients, strict=True):
        weight.grad = gradient.clone()
    sgd.step()
    for weight, start, moved in zip(ours.weights, before, change, strict=True):
        assert torch.allclose(weight, start + moved, rtol=0, atol=1e-15)


def test_weights_that_are_not_trained_are_left_out_and_rates_stay_with_their_weights():
    ours = read_sgd(optimizer(1))
    assert len(ours.weights) == 4
    scaled = ours.scaled([torch.ones(3, dtype=torch.float64) for _ in ours.weights])
    rates = {id(w): float(s[0]) for w, s in zip(ours.weights, scaled, strict=True)}
    assert sorted(rates.values()) == [0.1, 0.1, 0.1, 0.5]


def test_a_step_reaches_further_with_nesterovs_momentum_alone():
    """1 + mu times as far, in the groups that have it; the rates of ``scaled`` stay what they are."""
    ours = read_sgd(optimizer(1, nesterov=True))
    ones = [torch.ones(3, dtype=torch.float64) for _ in ours.weights]
    reached = [float(one[0]) for one in ours.reached(ones)]
    assert sorted(reached) == pytest.approx([0.1, 0.19, 0.19, 0.5])
    assert sorted(float(one[0]) for one in ours.scaled(ones)) == [0.1, 0.1, 0.1, 0.5]


def test_one_gradient_for_two_weights_is_applied_once_to_each():
    """Autograd may hand out one tensor twice: for a + b, both gradients are the same memory."""
    sgd = optimizer(1)
    ours = read_sgd(sgd)
    shared = torch.ones(3, dtype=torch.float64)
    once = ours.change([shared.clone() for _ in ours.weights])
    assert all(map(torch.equal, ours.change([shared] * len(ours.weights)), once))
