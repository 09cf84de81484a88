"""Card darts, "How a test proves it", items 1, 5 and 6; the fixtures of the original are in tests/check."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled, first_order
from tests.toy import Bilevel, paper_toy, state_of


def value(gradients: list[Tensor]) -> float:
    return float(gradients[0])


def with_buffer(buffer: float, **sgd: float):
    state = paper_toy(**sgd)
    weight = state.optimizer().param_groups[0]["params"][0]
    state.optimizer().state[weight]["momentum_buffer"] = torch.full_like(weight, buffer)
    return state


def test_first_order_on_the_papers_toy():
    assert value(first_order(paper_toy())) == pytest.approx(-4.0, abs=1e-12)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_unrolled_on_the_papers_toy(hvp):
    """w' = -1.2, gradient -2.8; the wrong sign of the second term gives -3.6."""
    assert value(Unrolled(hvp)(paper_toy())) == pytest.approx(-2.8, abs=1e-10)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_the_virtual_step_has_momentum_and_weight_decay(hvp):
    state = with_buffer(1.0, momentum=0.9, weight_decay=3e-4)
    assert value(Unrolled(hvp)(state)) == pytest.approx(-2.88994, abs=1e-10)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_without_a_learning_rate_the_unrolled_gradient_is_first_order(hvp):
    assert value(Unrolled(hvp)(paper_toy(lr=0.0))) == value(first_order(paper_toy()))


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_learning_rates_may_differ_between_groups(hvp):
    """Two weights with their own rates: compared with autograd through the written-out step."""
    alpha = torch.nn.Parameter(torch.tensor([0.7], dtype=torch.float64))

    def train(u, v, a):
        return a * u**2 + 3 * a * v + u * v

    def valid(u, v, a):
        return u * a**2 + v**2

    class Two(Bilevel):
        def __init__(self):
            super().__init__(0.5, alpha, {})
            self.other = torch.nn.Parameter(torch.tensor([-1.5], dtype=torch.float64))

        def training_step(self, batch, batch_index):
            loss = train if batch == "train" else valid
            return loss(self.weight, self.other, alpha).sum()

    module = Two()
    state = paper_toy()
    state.relaxation.alphas[0] = alpha
    optimizer = torch.optim.SGD(
        [{"params": [module.weight], "lr": 0.1}, {"params": [module.other], "lr": 0.02}], lr=1.0
    )
    state = state_of(module, optimizer, state.relaxation, state.structure)
    u, v = module.weight.detach(), module.other.detach()
    a = alpha.detach().clone().requires_grad_()
    u_next, v_next = u - 0.1 * (2 * a * u + v), v - 0.02 * (3 * a + u)
    expected = torch.autograd.grad(valid(u_next, v_next, a).sum(), a)[0]
    assert value(Unrolled(hvp)(state)) == pytest.approx(float(expected), abs=1e-8)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_the_architecture_step_leaves_the_weights_alone(hvp):
    state = with_buffer(1.0, momentum=0.9)
    weight = state.optimizer().param_groups[0]["params"][0]
    before, buffer = weight.clone(), state.optimizer().state[weight]["momentum_buffer"].clone()
    Unrolled(hvp)(state)
    assert torch.equal(weight, before)
    assert torch.equal(state.optimizer().state[weight]["momentum_buffer"], buffer)
    assert weight.grad is None
    assert state.outer_parameters[0].grad is None


@pytest.mark.parametrize(
    "options", [{"nesterov": True, "momentum": 0.9}, {"dampening": 0.5, "momentum": 0.9}]
)
def test_unrolled_refuses_what_is_not_plain_sgd(options):
    with pytest.raises(ConfigError, match=f"plain SGD weight optimiser; got SGD with {next(iter(options))}"):
        Unrolled().check(paper_toy(**options))


def test_unrolled_refuses_another_optimiser_by_name():
    state = paper_toy()
    adam = torch.optim.AdamW(state.objective.parameters(), lr=0.1)
    state.optimizer = lambda: adam
    with pytest.raises(ConfigError, match="got AdamW"):
        Unrolled().check(state)


def test_a_vanishing_vector_gives_the_direct_gradient():
    """L_val does not depend on w: v = 0, R would be infinite."""
    state = paper_toy()
    state.objective.training_module.losses["val"] = lambda w, a: a**2 + 0 * w
    assert value(Unrolled("fd")(state)) == pytest.approx(4.0, abs=1e-12)
