"""Card idarts, "How a test proves it": all six items; its step among the searches of every method."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.explain.passes import passes_of
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.parts.neumann import ImplicitGradient
from nni_darts.recipe import build_recipe
from nni_darts.stages.search import recipe_of
from nni_darts.state import SearchState
from tests.capture.searches import search
from tests.methods.tiny import is_equal, searched, state_of
from tests.parts.test_architect import network
from tests.toy import paper_toy
from tests.toy import state_of as toy_state

CURVATURE = torch.tensor([1.0, 4.0], dtype=torch.float64)
B = torch.tensor([1.0, 2.0], dtype=torch.float64)
V = torch.tensor([1.0, -3.0], dtype=torch.float64)
both_ways = pytest.mark.parametrize("hvp", ["exact", "fd"])


class Quadratic(nn.Module):
    """L_train = scale (w'Hw / 2 - a b'w + shift a), L_val = v'w + 7 a; the batch names the level."""

    def __init__(self, alpha: nn.Parameter, curvature: Tensor, scale: float, shift: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, -0.2], dtype=torch.float64))
        self.curvature, self.scale, self.shift, self._alpha = curvature, scale, shift, [alpha]

    def training_step(self, batch: str, batch_index: int) -> Tensor:
        w, a = self.weight, self._alpha[0]
        if batch == "val":
            return (V @ w + 7 * a).sum()
        return self.scale * (w @ (self.curvature * w) / 2 - a * (B @ w) + self.shift * a).sum()


def quadratic(
    gamma: float = 0.1, curvature: Tensor = CURVATURE, scale: float = 1.0, shift: float = 0.0, **sgd: float
) -> SearchState:
    toy = paper_toy()
    module = Quadratic(toy.relaxation.alpha("alpha"), curvature, scale, shift)
    optimizer = torch.optim.SGD(module.parameters(), lr=gamma, **sgd)
    return toy_state(module, optimizer, toy.relaxation, toy.structure)


def implicit(state: SearchState, **options: Any) -> float:
    """Without the direct gradient, which is 7."""
    return float(ImplicitGradient(**options)(state)[0]) - 7.0


@both_ways
@pytest.mark.parametrize(
    ("terms", "expected"), [(0, -0.5), (1, -0.77), (2, -0.905), (5, -0.961457), (50, -0.50463838)]
)
def test_card_idarts_item_1_quadratic(terms: int, expected: float, hvp: str) -> None:
    """The survey's form, without gamma inside, gives 1.3, -4.1 and 109.3 for K = 1, 2 and 5."""
    assert implicit(quadratic(), terms=terms, hvp=hvp) == pytest.approx(expected, abs=1e-7)


@both_ways
def test_card_idarts_item_1_limit(hvp: str) -> None:
    """-v' H^-1 M, whatever gamma."""
    assert implicit(quadratic(), terms=400, hvp=hvp) == pytest.approx(-0.5, abs=1e-9)
    assert implicit(quadratic(gamma=0.3), terms=400, hvp=hvp) == pytest.approx(-0.5, abs=1e-9)


def test_card_idarts_item_2_no_terms_is_second_order_darts_at_w() -> None:
    """Where the training gradient vanishes w' is w, and the two are one formula."""
    state = quadratic()
    weight = state.optimizer().param_groups[0]["params"][0]
    with torch.no_grad():
        weight.copy_(state.outer_parameters[0] * B / CURVATURE)  # alpha w*(alpha) = H^-1 b alpha
    mine, theirs = ImplicitGradient(terms=0)(state), Unrolled()(state)
    assert torch.allclose(mine[0], theirs[0], rtol=0, atol=1e-12)
    assert float(mine[0]) == pytest.approx(7 - 0.5, abs=1e-10)


@both_ways
@pytest.mark.parametrize("terms", [0, 1, 4])
def test_card_idarts_item_3_without_curvature_every_term_adds_v(terms: int, hvp: str) -> None:
    state = quadratic(curvature=torch.zeros(2, dtype=torch.float64))
    total = ImplicitGradient(terms=terms, hvp=hvp).series(state, state.sgd(), [V])
    assert torch.allclose(total[0], (terms + 1) * V, rtol=0, atol=1e-9)


@both_ways
def test_card_idarts_item_4_the_weights_are_those_after_the_inner_steps(hvp: str) -> None:
    """To the bit, on a network: the official code leaves them moved against the validation gradient."""
    state = network()
    for _ in range(3):
        state.step_weights = partial(_descend, state)
        state.step_weights(state.training_loss())
    before = {name: weight.detach().clone() for name, weight in state.objective.named_parameters()}
    ImplicitGradient(hvp=hvp)(state)
    assert all(torch.equal(weight, before[name]) for name, weight in state.objective.named_parameters())
    assert all(weight.requires_grad for weight in state.objective.parameters())


def _descend(state: SearchState, loss: Tensor) -> None:
    optimizer = state.optimizer()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@both_ways
def test_card_idarts_item_5_no_gradient_of_training_leaks_into_alpha(hvp: str) -> None:
    """L_train depends on alpha directly too: its own derivative must not appear."""
    plain, scaled = (
        ImplicitGradient(hvp=hvp)(quadratic(gamma=0.0, scale=scale, shift=5.0))[0] for scale in (1, 1000)
    )
    assert float(plain) == float(scaled) == 7.0
    state = quadratic(shift=5.0)
    state.training_loss().backward()  # what an inner step leaves in the gradients
    assert implicit(state, hvp=hvp) == pytest.approx(-0.905, abs=1e-8)


def test_without_a_learning_rate_it_is_first_order_to_the_bit() -> None:
    assert float(ImplicitGradient()(paper_toy(lr=0.0))[0]) == float(first_order(paper_toy(lr=0.0))[0])


class Counting:
    """Evaluations of the objective, and gradients taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: SearchState) -> None:
        self.calls: Counter[str] = Counter()
        step, gradient = state.objective.training_module.training_step, torch.autograd.grad

        def counted_step(batch: Any, index: int) -> Tensor:
            self.calls["forward"] += 1
            return step(batch, index)

        def counted_gradient(*args: Any, **options: Any) -> Any:
            self.calls["backward"] += 1
            return gradient(*args, **options)

        state.objective.training_module.training_step = counted_step
        monkeypatch.setattr(torch.autograd, "grad", counted_gradient)


@pytest.mark.parametrize(
    ("terms", "hvp", "forwards", "backwards"),
    [(2, "exact", 1 + 1 + 2, 1 + (1 + 2) + 2), (2, "fd", 1 + 4 + 2, 1 + 4 + 2), (0, "exact", 3, 3)],
)
def test_card_idarts_item_6_passes(
    terms: int, hvp: str, forwards: int, backwards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T inner steps, 1 validation, K double backwards, 2 for the difference.

    The card counts T + 1 + K + 2 = 10 forwards for T = 5 and K = 2, since the official code computes the
    training loss anew for each product; here the K double backwards share one: 9.
    """
    state = network()
    counting = Counting(monkeypatch, state)
    architect = ImplicitGradient(terms, hvp)
    architect(state)
    assert counting.calls == {"forward": forwards, "backward": backwards}
    assert architect.passes[:2] == (forwards + 1, backwards + 1)  # and the weight step
    inner = build_recipe("idarts").weight_steps
    official = inner + 1 + 2 + 2
    assert (inner, official) == (5, 10)
    if (terms, hvp) == (2, "exact"):
        assert inner + forwards == official - (terms - 1) == 9


def test_on_a_smooth_network_both_ways_agree_and_differ_from_fewer_terms() -> None:
    """A network of linear layers has no kinks within reach."""
    exact, difference = (ImplicitGradient(hvp=hvp)(paper_toy())[0] for hvp in ("exact", "fd"))
    assert torch.allclose(exact, difference, rtol=1e-9)
    assert not torch.allclose(exact, ImplicitGradient(0)(paper_toy())[0])


def test_decay_is_part_of_the_hessian_if_wanted_and_momentum_never() -> None:
    """H + 0.5 I instead of H: S = v + (1 - gamma (h + 0.5)) v for K = 1."""
    plain = implicit(quadratic(weight_decay=0.5, momentum=0.9), terms=1)
    assert plain == pytest.approx(-0.77, abs=1e-8)
    expected = 0.1 * float((V * (2 - 0.1 * (CURVATURE + 0.5))) @ B)
    assert implicit(quadratic(weight_decay=0.5), terms=1, decay=True) == pytest.approx(expected, abs=1e-8)


@both_ways
def test_the_fused_supernet_gives_the_same_gradient(hvp: str) -> None:
    generic, fused = (ImplicitGradient(hvp=hvp)(network(kind)) for kind in ("generic", "fused"))
    assert all(torch.allclose(a, b, rtol=1e-8, atol=1e-12) for a, b in zip(generic, fused, strict=True))
    few = ImplicitGradient(0)(network("fused"))
    assert not all(torch.allclose(a, b, rtol=1e-3) for a, b in zip(few, fused, strict=True))


def test_a_search_moves_the_architecture_in_every_second_step() -> None:
    first, other = (state_of(searched(build_recipe("idarts", T=times))) for times in (1, 2))
    assert not is_equal(first, other)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in other.values())


def test_bfloat16_trains_it() -> None:
    parts = {"architect": ImplicitGradient()}
    found = search(None, epochs=1, rest=0, recipe_parts=parts, trainer={"precision": "bf16-mixed"})
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state_of(found).values())


def test_the_setting_goes_before_the_option() -> None:
    method = {"name": "idarts", "T": 3}
    assert recipe_of(Settings.from_dict({"method": method})).weight_steps == 3
    assert recipe_of(Settings.from_dict({"method": method, "search": {"weight_steps": 2}})).weight_steps == 2


def test_a_dry_run_knows_the_passes() -> None:
    passes = passes_of(build_recipe("idarts"))
    assert passes is not None
    assert (passes.forwards, passes.backwards) == (5, 7)


def test_what_it_is_not_defined_for_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        ImplicitGradient(-1, "exactly", 0.0)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="method.T: got 0"):
        build_recipe("idarts", T=0)
    state = paper_toy()
    state.optimizer = lambda: torch.optim.Adam(state.objective.parameters())
    with pytest.raises(ConfigError, match="needs a plain SGD weight optimiser; got Adam"):
        ImplicitGradient().check(state)
    with pytest.raises(ConfigError, match="ImplicitGradient.* needs a relaxation that draws nothing"):
        build_recipe("idarts", {"relaxation": "gumbel-softmax"})
