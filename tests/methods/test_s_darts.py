"""Card s-darts, "How a test proves it"."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nni_darts.capture import step as capture_step
from nni_darts.errors import ConfigError, Interrupted
from nni_darts.methods.darts import darts_first_order
from nni_darts.methods.s_darts import Adversarial, Perturbed, ascend, noisy, project
from nni_darts.parts.rows import Rows
from nni_darts.parts.weight_step import descend
from nni_darts.recipe import build_recipe
from nni_darts.run.directory import Run
from nni_darts.state import SearchState
from nni_darts.supernet.fused import nodes
from nni_darts.training.callbacks import EpochCheckpoint, StopOnSignal
from search_spaces import DartsSpace
from tests.capture import searches
from tests.capture.fakes import Tape
from tests.supernet.fused.pairs import search_module
from tests.toy import paper_toy


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def network(kind: str = "generic") -> SearchState:
    """A small supernet in float64 whose batches and optimiser are in place."""
    search = search_module(DartsSpace(init_channels=2, layers=3, nodes=2), kind)
    sgd = torch.optim.SGD(search.model.parameters(), 0.05)
    state = search.state
    state.optimizer = lambda: sgd

    def apply(loss: Tensor) -> None:
        sgd.zero_grad()
        loss.backward()
        sgd.step()

    state.apply = apply
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(2, 4, 3, 8, 8, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 10, (2, 4), generator=generator)
    state.train_batch, state.valid_batch = (x[0], y[0]), (x[1], y[1])
    return state


def weights_of(state: SearchState) -> list[Tensor]:
    return [weight.detach().clone() for weight in state.objective.parameters()]


def step(part: Any, kind: str = "generic", epoch: int = 0) -> list[Tensor]:
    state = network(kind)
    state.epochs = 50
    state.clock.fill_(epoch)
    torch.manual_seed(0)
    part(state)
    return weights_of(state)


def furthest(first: list[Tensor], second: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("part", [Perturbed(0, 0), Adversarial(0, 0)])
def test_without_a_radius_the_step_is_that_of_darts(part):
    """Item 1: up to rounding, because the projection divides by a sum of one."""
    assert furthest(step(part), step(descend)) < 1e-12


@pytest.mark.parametrize("perturbation", ["random", "adversarial"])
def test_without_any_epsilon_the_recipe_is_its_parent(perturbation):
    recipe = build_recipe("s-darts", perturbation=perturbation, epsilon=0, first_epsilon=0)
    assert recipe == darts_first_order()


def test_projection():
    """Item 2; a softmax instead, or a division alone, gives other numbers."""
    projected = project(rows((1.05, -0.05, 0.2), (-0.1, -0.3, -0.2)))
    assert torch.allclose(projected, rows((5 / 6, 0, 1 / 6), (1, 0, 0)), atol=1e-15)


@pytest.mark.parametrize(
    ("slopes", "epsilon", "expected", "distance"),
    [
        ((1, 2, 3, -1), 0.3, (1 / 3, 1 / 3, 1 / 3, 0), 0.25),
        ((3, -1, -1, -1), 0.3, (1, 0, 0, 0), 0.75),
        ((3, -1, -1, -1), 0.03, (0.2904956, 0.2365015, 0.2365015, 0.2365015), 0.0404956),
    ],
)
def test_ascent_on_a_linear_loss(slopes, epsilon, expected, distance):
    """Item 3: the projection comes last and may leave the ball (0.75 > 0.3)."""
    slope, origin = rows(slopes), [torch.full((1, 4), 0.25).double()]
    (found,) = ascend(lambda p: (slope * p[0]).sum(), origin, origin, number(epsilon), 7)
    assert torch.allclose(found, rows(expected), atol=1e-7)
    assert float((found - origin[0]).abs().max()) == pytest.approx(distance, abs=1e-7)


def test_ascent_that_ends_lower_than_it_began_is_dropped():
    """The loss is largest at the origin: every other point is worse than none."""
    origin = [torch.full((1, 4), 0.25).double()]
    start = noisy(origin, number(0.3))
    (found,) = ascend(lambda p: -((p[0] - 0.25) ** 2).sum(), origin, start, number(0.3), 7)
    assert torch.equal(found, origin[0])


def test_zero_gradients_do_not_move():
    origin = [torch.full((1, 2), 0.5).double()]
    (found,) = ascend(lambda p: 0 * p[0].sum(), origin, origin, number(0.3), 7)
    assert torch.equal(found, origin[0])


def test_noise_is_uniform_before_the_projection():
    """A Gaussian of the same spread would exceed the radius."""
    torch.manual_seed(0)
    (found,) = noisy([torch.full((20000, 2), 0.5).double()], number(0.2))
    # (0.5 + a) / (1 + a + b) with a, b in U(-0.2, 0.2): between 0.3 / 1.0 and 0.7 / 1.0.
    assert 0.3 <= float(found.min()) < 0.305
    assert 0.695 < float(found.max()) <= 0.7
    assert float(found.mean()) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("part", [Perturbed(), Adversarial()])
def test_alphas_and_mixture_are_untouched_and_the_weights_are_not(part):
    """Item 4, and item 6: one forward counts in the running statistics, and all modules train again."""
    state = network()
    state.epochs = 50
    state.clock.fill_(25)
    before = [alpha.detach().clone() for alpha in state.outer_parameters]
    weights = weights_of(state)
    part(state)
    assert all(map(torch.equal, before, state.outer_parameters))
    assert all(alpha.grad is None for alpha in state.outer_parameters)
    assert all(weight.requires_grad for weight in state.objective.parameters())
    assert furthest(weights, weights_of(state)) > 0
    assert all(module.training for module in state.objective.modules())
    counts = {int(b) for n, b in state.objective.named_buffers() if n.endswith("num_batches_tracked")}
    assert counts == {1}
    state.weights.refresh()  # the next forward asks the relaxation again
    assert all(torch.equal(state.weights[label], row) for label, row in state.relaxation().items())


def test_the_attack_runs_on_the_training_batch_in_evaluation_mode():
    """Items 5 and 6: two forwards and seven of the ascent, then the weight step's own."""
    state = network()
    state.epochs = 50
    seen = []
    module = state.objective.training_module
    evaluate = module.training_step

    def watch(batch, index):
        seen.append((batch is state.train_batch, module.model.training, torch.is_grad_enabled()))
        return evaluate(batch, index)

    module.training_step = watch
    Adversarial()(state)
    attack = [(True, False, grad) for grad in (False, *[True] * 7, False)]
    assert seen == [*attack, (True, True, True)]
    seen.clear()
    Perturbed()(state)
    assert seen == [(True, True, True)]


def test_statistics_stay_while_the_attack_lasts():
    state = network()
    before = [buffer.clone() for buffer in state.objective.buffers()]
    part = Adversarial()
    packed = Rows(state.structure.sizes)
    part.perturb(state, packed, {k: w.detach() for k, w in state.relaxation().items()})
    assert all(map(torch.equal, before, state.objective.buffers()))


def test_the_attack_raises_the_loss_more_than_chance():
    state = network()
    packed = Rows(state.structure.sizes)
    weights = {label: row.detach() for label, row in state.relaxation().items()}

    def loss(matrices: list[Tensor]) -> float:
        with torch.no_grad(), state.evaluating(), state.weights.replaced(packed.unpack(matrices)):
            return float(state.inner_loss())

    torch.manual_seed(0)
    attacked = loss(Adversarial(0.3, 0.3).perturb(state, packed, weights))
    assert attacked > loss(packed.pack(weights))
    assert attacked > max(loss(Perturbed(0.3, 0.3).perturb(state, packed, weights)) for _ in range(10))


def test_epsilon_grows_and_never_arrives():
    """Item 7."""
    state = paper_toy()
    state.epochs = 50
    part = Perturbed()
    found = []
    for epoch in (0, 1, 25, 49):
        state.clock.fill_(epoch)
        found.append(float(part.radius(state)))
    assert found == pytest.approx([0.03, 0.0354, 0.165, 0.2946], abs=1e-12)


@pytest.mark.parametrize("part", [Perturbed(), Adversarial()])
def test_fused_equals_generic(part):
    assert furthest(step(part, "generic", 25), step(part, "fused", 25)) < 1e-9


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"perturbation": "gaussian"}, 'method.perturbation: got "gaussian"; write "random" or'),
        ({"epsilon": -0.1}, "method.epsilon: got -0.1; it must be 0 or more"),
        ({"first_epsilon": -1}, "method.first_epsilon: got -1"),
        ({"steps": 0}, "method.steps: got 0; it must be 1 or more"),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_recipe("s-darts", **options)


def parts(perturbation: str) -> dict[str, Any]:
    return {"weight_step": build_recipe("s-darts", perturbation=perturbation).weight_step}


@pytest.mark.parametrize("perturbation", ["random", "adversarial"])
def test_recorded_steps_follow_the_growing_epsilon(perturbation, monkeypatch):
    """A recording that kept the first epoch's epsilon, or one draw, would leave another search."""
    monkeypatch.setattr(capture_step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    plain = searches.search(None, recipe_parts=parts(perturbation))
    tape = Tape(fused=False)
    taped = searches.search(tape, recipe_parts=parts(perturbation))
    assert sum(recording.replays for recording in tape.tapes) > 0
    assert searches.largest_difference(searches.outcome(plain), searches.outcome(taped)) < 1e-5


def test_a_search_continues_with_the_epsilon_of_its_epoch(tmp_path: Path):
    """Lightning does not start an epoch again that it continues; its epsilon is needed all the same."""

    def search(path: Path, stop_at: int | None, resume: bool = False) -> Any:
        checkpoint = EpochCheckpoint(Run.create(path, "search/0", resume=resume))
        stop = StopOnSignal(checkpoint)
        recipe, count = parts("random"), iter(range(100))
        weight_step = recipe["weight_step"]

        def counted(state: SearchState) -> None:
            if next(count) == stop_at:
                signal.raise_signal(signal.SIGINT)
            weight_step(state)

        return searches.search(
            None,
            callbacks=[checkpoint, stop],
            recipe_parts={**recipe, "weight_step": counted},
            fit={"ckpt_path": checkpoint.resume_path()},
        )

    whole = search(tmp_path / "whole", None)
    with pytest.raises(Interrupted):
        search(tmp_path / "stopped", 5)
    resumed = search(tmp_path / "stopped", None, resume=True)
    difference = searches.largest_difference(
        searches.outcome(whole)["state"], searches.outcome(resumed)["state"]
    )
    assert difference == 0
