"""Card darts, "How a test proves it", items 1, 5 and 6; the fixtures of the original are in tests/check."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.state import SearchState
from search_spaces import DartsSpace
from tests.supernet.fused.pairs import search_module
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


@pytest.mark.parametrize("options", [{"dampening": 0.5, "momentum": 0.9}, {"maximize": True}])
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


def network(kind: str = "generic") -> SearchState:
    """A small supernet in float64 with momentum buffers and batches."""
    search = search_module(DartsSpace(init_channels=2, layers=3, nodes=2), kind)
    sgd = torch.optim.SGD(search.model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
    generator = torch.Generator().manual_seed(4)
    for weight in search.model.parameters():
        sgd.state[weight]["momentum_buffer"] = 0.1 * torch.randn(weight.shape, generator=generator).double()
    search.state.optimizer = lambda: sgd
    x = torch.randn(2, 4, 3, 8, 8, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 10, (2, 4), generator=generator)
    search.state.train_batch, search.state.valid_batch = (x[0], y[0]), (x[1], y[1])
    return search.state


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_a_networks_weights_return_to_the_bit_and_the_virtual_pass_leaves_no_statistics(hvp):
    state = network()
    weights = {name: weight.detach().clone() for name, weight in state.objective.named_parameters()}
    places = {name: weight.data_ptr() for name, weight in state.objective.named_parameters()}
    Unrolled(hvp)(state)
    for name, weight in state.objective.named_parameters():
        assert torch.equal(weight, weights[name]), name
        assert weight.data_ptr() == places[name]
        assert weight.requires_grad
    counts = {
        int(buffer)
        for name, buffer in state.objective.named_buffers()
        if name.endswith("num_batches_tracked")
    }
    # At w for w', and at w + Rv and w - Rv; never at w'.
    assert counts == ({3} if hvp == "fd" else {1})


def test_a_pass_that_fails_leaves_the_weights_where_they_were():
    state = network()
    before = [weight.detach().clone() for weight in state.objective.parameters()]
    buffers = [buffer.clone() for buffer in state.objective.buffers()]
    evaluate, calls = state.objective.training_module.training_step, []

    def fail_at_w_prime(batch, index):
        calls.append(index)
        loss = evaluate(batch, index)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return loss

    state.objective.training_module.training_step = fail_at_w_prime
    first = list(state.objective.buffers())
    with pytest.raises(RuntimeError, match="out of memory"):
        Unrolled()(state)
    assert all(map(torch.equal, state.objective.parameters(), before))
    assert all(weight.requires_grad for weight in state.objective.parameters())
    moved = [not torch.equal(old, new) for old, new in zip(buffers, state.objective.buffers(), strict=True)]
    assert any(moved)  # by the pass at w, as always; what the pass at w' did is gone:
    counts = {int(b) for name, b in state.objective.named_buffers() if name.endswith("num_batches_tracked")}
    assert counts == {1}
    assert all(old is new for old, new in zip(first, state.objective.buffers(), strict=True))


def test_each_pass_asks_for_the_gradients_that_it_needs():
    """1: weights; 2: both; 3 and 4: the architecture. What is not asked for is not even recorded."""
    state = network()
    module = state.objective.training_module
    seen = []

    def watch(batch, index):
        loss = type(module).training_step(module, batch, index)
        mixture = state.weights[state.relaxation.labels[0]]
        seen.append((module.model.classifier.weight.requires_grad, mixture.requires_grad))
        return loss

    module.training_step = watch
    Unrolled()(state)
    assert seen == [(True, False), (True, True), (False, True), (False, True)]


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_a_learning_rate_on_the_device_counts_and_nothing_is_read_back_from_there(hvp):
    state = network()
    want = torch.cat(Unrolled(hvp)(state))
    state = network()
    state.optimizer().param_groups[0]["lr"] = torch.tensor(0.05, dtype=torch.float64)
    state.objective.training_module.training_step = lambda batch, index: torch.nn.functional.cross_entropy(
        state.objective.training_module.model(batch[0]), batch[1]
    )
    with NoReadBack():
        got = torch.cat(Unrolled(hvp)(state))
    assert torch.allclose(got, want, rtol=1e-7 if hvp == "fd" else 1e-12, atol=0)


class NoReadBack(TorchDispatchMode):
    """Refuses what would make a program wait for its device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))
