"""The unrolled gradient against the derivative of the step that torch's own SGD takes, Nesterov's or not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nni_darts.parts.architect import Unrolled
from nni_darts.parts.neumann import ImplicitGradient
from nni_darts.state import SearchState
from tests.parts.test_architect import network
from tests.toy import paper_toy, state_of

GROUPS = ({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}, {"lr": 0.03, "momentum": 0.6})
FLAT, STEEP = -0.4, 1.3
ALPHA = 0.7
kinds = pytest.mark.parametrize("nesterov", [False, True])
both_ways = pytest.mark.parametrize("hvp", ["fd", "exact"])


def train(u: Tensor, v: Tensor, a: Tensor) -> Tensor:
    return a * torch.sin(u * v) + a**2 * u + v**3 / 5


def valid(u: Tensor, v: Tensor, a: Tensor) -> Tensor:
    return u**2 * a + torch.cos(v) + u * v


class Two(nn.Module):
    """Two weights, far from where either loss is flat."""

    def __init__(self, alpha: nn.Parameter) -> None:
        super().__init__()
        self.u, self.v = (
            nn.Parameter(torch.tensor([w], dtype=torch.float64, requires_grad=True)) for w in (FLAT, STEEP)
        )
        self._alpha = [alpha]

    def training_step(self, batch: str, batch_index: int) -> Tensor:
        return (train if batch == "train" else valid)(self.u, self.v, self._alpha[0]).sum()


def two(nesterov: bool, started: bool, alpha: float = ALPHA) -> SearchState:
    """With momentum buffers, or before the first step."""
    toy = paper_toy()
    with torch.no_grad():
        toy.relaxation.alphas[0].fill_(alpha)
    module = Two(toy.relaxation.alpha("alpha"))
    groups = [
        {"params": [weight], "nesterov": nesterov, **group}
        for weight, group in zip(module.parameters(), GROUPS, strict=True)
    ]
    sgd = torch.optim.SGD(groups, lr=1.0)
    if started:
        for weight, buffer in zip(module.parameters(), (0.8, -0.5), strict=True):
            sgd.state[weight]["momentum_buffer"] = torch.full_like(weight, buffer)
    return state_of(module, sgd, toy.relaxation, toy.structure)


def after_a_step(nesterov: bool, started: bool, alpha: float) -> float:
    """L_val(w'(alpha), alpha), w' being where ``SGD.step`` has put the weights."""
    state = two(nesterov, started, alpha)
    state.apply(state.training_loss())
    return state.outer_loss().item()


@both_ways
@pytest.mark.parametrize("started", [False, True])
@kinds
def test_the_gradient_is_the_slope_of_what_a_step_of_torch_leads_to(nesterov, started, hvp):
    """A central difference over whole steps; without the factor 1 + mu it is missed in the second digit."""
    width = 1e-5
    higher, lower = (after_a_step(nesterov, started, ALPHA + side) for side in (width, -width))
    (found,) = Unrolled(hvp, radius=1e-4)(two(nesterov, started))
    assert float(found) == pytest.approx((higher - lower) / (2 * width), abs=1e-8)


def test_one_step_by_hand():
    """w' = w - eta (mu (mu b + g) + g) for b = 1, g = -8; the second term has eta (1 + mu)."""
    state = paper_toy(momentum=0.9, nesterov=True)
    (weight,) = state.optimizer().param_groups[0]["params"]
    state.optimizer().state[weight]["momentum_buffer"] = torch.ones_like(weight)
    moved = -2 - 0.1 * (0.9 * (0.9 * 1 - 8) - 8)
    # d L_val / d alpha at w' is w' - 2, v is alpha = 2, the mixed second derivative -2.
    assert float(Unrolled("exact")(state)[0]) == pytest.approx(moved - 2 + 0.1 * 1.9 * 2 * 2, abs=1e-12)


@both_ways
def test_a_limit_shortens_the_gradient_and_not_what_the_buffer_adds(hvp):
    """k and the limit of v are constants of the derivative, and 1 + mu stays: w' = w - eta (1 + mu) k G."""
    state, clip, mu = paper_toy(lr=0.5, momentum=0.9, nesterov=True), 0.25, 0.9
    state.objective.training_module.losses.update(train=lambda w, a: a * w, val=lambda w, a: 3 * w + 0 * a)
    k = clip / (2 + 1e-6)
    found = float(Unrolled(hvp, clip=clip)(state)[0])
    assert found == pytest.approx(-0.5 * (1 + mu) * k * clip, rel=1e-5)


@pytest.mark.parametrize("kind", ["generic", "fused"])
def test_of_a_network_through_the_differentiable_step_of_torch(kind):
    state = network(kind)
    (group,) = state.optimizer().param_groups
    group["nesterov"] = True
    weights = {name: weight for name, weight in state.objective.named_parameters() if weight.requires_grad}
    buffers = [state.optimizer().state[weight]["momentum_buffer"].clone() for weight in weights.values()]
    loss = functional_call(state.objective, weights, (state.train_batch, 0))
    gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    moved = {name: weight.detach().clone() for name, weight in weights.items()}
    settings = {name: group[name] for name in ("lr", "momentum", "weight_decay", "nesterov")}
    sgd = torch.optim.SGD(moved.values(), **settings, differentiable=True)
    for weight, gradient, buffer in zip(moved.values(), gradients, buffers, strict=True):
        weight.grad = gradient
        sgd.state[weight]["momentum_buffer"] = buffer
    sgd.step()
    loss = functional_call(state.objective, moved, (state.valid_batch, 0))
    expected = torch.autograd.grad(loss, state.outer_parameters)
    found = Unrolled("exact")(state)
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-13) for a, b in zip(found, expected, strict=True))
    size = math.sqrt(sum(float(gradient.square().sum()) for gradient in expected))
    group["nesterov"] = False
    plain = Unrolled("exact")(state)
    apart = math.sqrt(sum(float((a - b).square().sum()) for a, b in zip(found, plain, strict=True)))
    assert apart > 1e-3 * size


@both_ways
def test_the_implicit_gradient_knows_no_momentum(hvp):
    """Card idarts, Pitfalls: gamma is the learning rate alone, in front and in the powers."""
    plain, ahead = (ImplicitGradient(hvp=hvp)(two(nesterov, started=True)) for nesterov in (False, True))
    assert torch.equal(plain[0], ahead[0])
    assert not torch.allclose(
        Unrolled()(two(True, started=True))[0], Unrolled()(two(False, started=True))[0], rtol=1e-3
    )
