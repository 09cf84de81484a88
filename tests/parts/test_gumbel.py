"""Card gumbel-softmax, "How a test proves it", items 1 to 5."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nni_darts.parts.forward import chosen_and_bare_weights, only_chosen, weighted_sum
from nni_darts.parts.gumbel import GumbelSoftmax, concrete, gumbel, straight_through

ALPHA = torch.tensor([0.2, -0.1, 0.5], dtype=torch.float64)
NOISE = torch.tensor([0.1, -0.3, 0.7], dtype=torch.float64)
UPSTREAM = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
CARD = {
    0.5: ([0.137057, 0.033798, 0.829145], [-0.463825, -0.046782, 0.510607]),
    1.0: ([0.252769, 0.125521, 0.621710], [-0.346025, -0.046310, 0.392335]),
    5.0: ([0.326097, 0.283495, 0.390409], [-0.069414, -0.003646, 0.073060]),
}


def near(got: Tensor, want: list[float]) -> bool:
    return torch.allclose(got, torch.tensor(want, dtype=got.dtype), rtol=0, atol=6e-7)


def gradient(weights: Tensor, alpha: Tensor, upstream: Tensor = UPSTREAM) -> Tensor:
    return torch.autograd.grad((weights * upstream).sum(), alpha)[0]


@pytest.mark.parametrize("temperature", CARD)
def test_soft_weights_and_their_gradient(temperature: float):
    """Item 1: without the temperature's inverse, or along the other axis, the numbers are others."""
    alpha = ALPHA.clone().requires_grad_()
    soft = concrete(alpha, NOISE, temperature)
    assert near(soft, CARD[temperature][0])
    assert near(gradient(soft, alpha), CARD[temperature][1])
    rows = concrete(torch.stack([ALPHA, 2 * ALPHA]), torch.stack([NOISE, 0 * NOISE]), temperature)
    assert torch.equal(rows[0], soft)
    assert torch.equal(rows[1], concrete(2 * ALPHA, 0 * NOISE, temperature))


def test_straight_through_is_one_hot_to_the_bit_with_the_soft_gradient():
    """Item 2."""
    alpha = ALPHA.clone().requires_grad_()
    soft = concrete(alpha, NOISE, 0.5)
    hard = straight_through(soft)
    assert hard.tolist() == [0.0, 0.0, 1.0]
    assert torch.equal(gradient(hard, alpha), gradient(concrete(alpha, NOISE, 0.5), alpha))


@pytest.mark.parametrize("temperature", [0.1, 10.0])
def test_candidates_are_drawn_with_their_probability_at_every_temperature(temperature: float):
    """Item 3."""
    torch.manual_seed(0)
    alphas = ALPHA.expand(200_000, 3)
    drawn = straight_through(concrete(alphas, gumbel(alphas), temperature))
    assert set(drawn.sum(1).tolist()) == {1.0}
    assert (drawn.mean(0) - torch.tensor([0.323554, 0.239694, 0.436752])).abs().max() < 0.004


def test_limits():
    """Item 4."""
    zero = torch.zeros_like(ALPHA)
    assert torch.allclose(concrete(ALPHA, zero, 1.0), ALPHA.softmax(0), rtol=0, atol=1e-15)
    assert torch.allclose(concrete(ALPHA, NOISE, 1e9), torch.full_like(ALPHA, 1 / 3), rtol=0, atol=1e-8)
    assert concrete(ALPHA, NOISE, 1e-3).tolist() == pytest.approx([0, 0, 1], abs=1e-12)


def test_noise_is_finite_and_of_the_gumbel_distribution():
    torch.manual_seed(0)
    drawn = gumbel(torch.zeros(200_000))
    assert torch.isfinite(drawn).all()
    assert abs(drawn.mean() - 0.5772) < 0.01
    assert abs(drawn.var() - torch.pi**2 / 6) < 0.03
    extreme = torch.tensor([0.0]).clamp_min(torch.finfo(torch.float32).tiny)
    assert torch.isfinite(-extreme.log())


OUTPUTS = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], dtype=torch.float64)
D_Y = torch.tensor([0.3, -0.2], dtype=torch.float64)


@pytest.mark.parametrize(
    ("forward", "gates", "alphas"),
    [
        (only_chosen, [0, 0, 0.05], [-0.011364, -0.002802, 0.014166]),
        (chosen_and_bare_weights, [0.1, 0.1, 0.05], [0.011364, 0.002802, -0.014166]),
    ],
)
def test_the_gradient_of_the_gates(forward, gates: list[float], alphas: list[float]):
    """Item 5: ours is the first, which is GDAS's on the DARTS space; the other is an option."""
    alpha = ALPHA.clone().requires_grad_()
    hard = straight_through(concrete(alpha, NOISE, 0.5))
    hard.retain_grad()
    y = forward([lambda k=k: OUTPUTS[k] for k in range(3)], hard)
    assert torch.equal(y, OUTPUTS[2])
    (y * D_Y).sum().backward()
    assert near(hard.grad, gates)
    assert near(alpha.grad, alphas)


def test_only_chosen_is_the_weighted_sum_and_computes_nothing_else():
    calls: list[int] = []

    def candidate(index: int) -> Tensor:
        calls.append(index)
        return torch.tensor([float("inf") if index == 1 else 2.0 + index])

    candidates = [lambda k=k: candidate(k) for k in range(3)]
    assert only_chosen(candidates, torch.tensor([0.0, 0.0, 1.0])).tolist() == [4.0]
    assert calls == [2]  # 0 * inf would be nan
    calls.clear()
    assert only_chosen(candidates, torch.tensor([0.25, 0.0, 0.5])).tolist() == [2.5]
    assert calls == [0, 2]
    nested = [lambda k=k: {"a": [torch.ones(1) * k]} for k in range(2)]
    weights = torch.tensor([0.0, 1.0])
    assert only_chosen(nested, weights) == weighted_sum(nested, weights)
    assert only_chosen(candidates, torch.zeros(3)) + torch.ones(2).sum() == 2


def relaxation(hard: bool = False) -> GumbelSoftmax:
    found = GumbelSoftmax({"a": 3, "b": 2, "c": 3}, hard=hard).double()
    with torch.no_grad():
        found.alpha("a").copy_(ALPHA)
        found.alpha("c").copy_(ALPHA)
    return found


def test_every_forward_and_label_draws_and_evaluation_does_not():
    torch.manual_seed(0)
    found = relaxation()
    found.temperature.fill_(0.5)
    first, second = found(), found()
    assert not torch.equal(first["a"], first["c"])
    assert not torch.equal(first["a"], second["a"])
    found.eval()
    assert torch.equal(found()["a"], concrete(ALPHA, 0 * ALPHA, 0.5))
    assert torch.equal(relaxation(hard=True).eval()()["a"], torch.tensor([0.0, 0.0, 1.0]).double())


def test_reports_and_derivations_see_softmax_of_alpha():
    found = relaxation(hard=True)
    found.temperature.fill_(0.1)
    assert torch.allclose(found.probabilities()["a"], ALPHA.softmax(0), rtol=0, atol=1e-15)
    assert found.probabilities().keys() == found().keys()


def test_first_alphas_follow_their_distribution():
    torch.manual_seed(0)
    alphas = GumbelSoftmax({"wide": 4000}, mean=1.0, scale=0.01).alpha("wide")
    assert abs(alphas.mean() - 1) < 1e-3
    assert abs(alphas.std() / 0.01 - 1) < 0.05
