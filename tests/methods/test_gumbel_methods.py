"""Card gumbel-softmax, "How a test proves it", item 6, and its pitfalls, for SNAS and GDAS."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled
from nni_darts.parts.gumbel import GumbelSoftmax, concrete
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.parts.single_level import SingleLevel
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace, NasBench201Space
from tests.capture.fakes import Rerun, Tape
from tests.capture.searches import largest_difference, outcome, search
from tests.methods.tiny import searched, tiny_space


def built(method: str, space: Any, **options: Any) -> Any:
    """A supernet with its relaxation, in float64, without a trainer."""
    torch.manual_seed(0)
    strategy = DifferentiableStrategy(build_recipe(method, **options), supernet="generic")
    model = strategy.mutate_model(space).double()
    module = strategy.configure_oneshot_module(Classifier(1, lr=0.1))
    module.set_model(model)
    module.relaxation.double()
    return module


def cells() -> NasBench201Space:
    return NasBench201Space(init_channels=2, cells=2, num_classes=3, in_channels=1)


@pytest.mark.parametrize(("method", "per_edge"), [("gdas", 1), ("snas", 5)])
def test_how_many_operations_run_on_an_edge(method: str, per_edge: int):
    """Item 6: one of five under GDAS, all under SNAS; and cells of a type draw the same."""
    module = built(method, cells())
    ran: list[tuple[int, str, str]] = []
    found = [cell for cell in module.model.modules() if hasattr(cell, "edges")]
    assert len(found) == 6
    for place, cell in enumerate(found):
        for edge, choice in cell.edges.items():
            for name in choice.names:
                key = (place, edge, name)
                choice[name].register_forward_hook(lambda *_, key=key: ran.append(key))
    for _ in range(3):
        ran.clear()
        module.model(torch.randn(2, 1, 8, 8).double())
        counts = Counter((place, edge) for place, edge, _ in ran)
        assert set(counts.values()) == {per_edge}
        assert len(counts) == 36
        assert len({(edge, name) for _, edge, name in ran}) == 6 * per_edge


def test_an_operation_that_is_not_drawn_is_left_as_it_was():
    """No gradient, so neither weight decay nor momentum moves it, and no running statistics."""
    module = built("gdas", cells())
    state = module.state
    sgd = torch.optim.SGD(module.model.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for weight in module.model.parameters():
        sgd.state[weight]["momentum_buffer"] = torch.ones_like(weight)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 1, 8, 8, generator=generator).double()
    batch = (x, torch.tensor([0, 1, 2, 0]))
    before = {name: tensor.clone() for name, tensor in module.model.state_dict().items()}
    state.train_batch = batch
    sgd.zero_grad()
    state.training_loss().backward()
    drawn = {label: int(row.argmax()) for label, row in state.weights.current.items()}
    sgd.step()
    seen = {True: 0, False: 0}
    for cell in (cell for cell in module.model.modules() if hasattr(cell, "edges")):
        for choice in cell.edges.values():
            for index, name in enumerate(choice.names):
                for key, tensor in choice[name].state_dict(keep_vars=True).items():
                    (full,) = (n for n, t in module.model.state_dict(keep_vars=True).items() if t is tensor)
                    is_drawn = drawn[choice.label] == index
                    assert torch.equal(tensor, before[full]) != is_drawn, (full, key)
                    seen[is_drawn] += 1
    assert min(seen.values()) > 0


@pytest.mark.parametrize("method", ["gdas", "snas"])
def test_the_two_steps_draw_on_their_own(method: str):
    module = built(method, tiny_space().double(), **({"single_level": False} if method == "snas" else {}))
    state = module.state
    state.train_batch = state.valid_batch = (torch.randn(2, 1, 8, 8).double(), torch.tensor([0, 1]))
    seen = []
    for _ in range(4):
        module.recipe.architect(state)
        seen.append(state.weights.current[module.relaxation.labels[0]].detach())
        state.training_loss()
        seen.append(state.weights.current[module.relaxation.labels[0]].detach())
    assert len({tuple(row.tolist()) for row in seen}) > (4 if method == "gdas" else 7)


def test_one_loss_moves_both_levels_after_one_forward():
    """SNAS: both gradients are those of one mixture; the step clips them as any other."""
    module = built("snas", tiny_space().double())
    state, weights = module.state, list(module.model.parameters())
    state.train_batch = (torch.randn(4, 1, 8, 8).double(), torch.tensor([0, 1, 2, 0]))
    forwards: list[int] = []
    module.model.register_forward_hook(lambda *_: forwards.append(1))
    stepped: list[Tensor] = []
    state.apply = stepped.append
    torch.manual_seed(5)
    found = module.recipe.architect(state)
    module.recipe.weight_step(state)
    assert len(forwards) == 1
    torch.manual_seed(5)
    want = torch.autograd.grad(state.joint_loss(), [*state.outer_parameters, *weights], allow_unused=True)
    assert all(map(torch.equal, found, want))
    got = torch.autograd.grad(stepped[0], weights, allow_unused=True)
    for one, other in zip(got, want[len(found) :], strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    stepped.clear()
    module.recipe.weight_step(state)  # the architecture rests: a forward of its own
    assert len(stepped) == 1
    assert len(forwards) == 3


def test_while_the_architecture_stays_it_trains_weights_as_darts_does():
    """Clipped and stepped to the bit, although the gradient was taken before."""
    together = SingleLevel()
    still = {"outer_optimiser": OuterOptimiser(lr=0.0)}
    parts = {**still, "architect": together.architect, "weight_step": together.weight_step}
    ours, plain = (
        dict(search(None, supernet="generic", recipe_parts=found).oneshot_module.model.named_parameters())
        for found in (parts, still)
    )
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[name], plain[name]) for name in ours)


class Quiet(GumbelSoftmax):
    """No noise: what is left of SNAS and GDAS at temperature 1."""

    def _draw(self, alphas: Tensor) -> Tensor:
        return concrete(alphas, torch.zeros_like(alphas), 1.0)


def test_without_noise_at_temperature_one_it_is_darts():
    """Item 4, as a search in float64 terms: log softmax before the softmax shifts logits alone."""
    plain = outcome(search(None))["state"]
    quiet = outcome(search(None, recipe_parts={"relaxation": Quiet}))["state"]
    quiet.pop("relaxation.temperature")
    assert largest_difference(plain, quiet) < 1e-4


def test_second_order_is_refused():
    with pytest.raises(ConfigError, match="Unrolled.* needs a relaxation that draws nothing"):
        searched(build_recipe("snas", single_level=False).but(architect=Unrolled()))


def test_only_drawn_operations_are_not_fused_and_soft_mixtures_are():
    for method, reasons in (
        ("gdas", ["the method's forward part is only_chosen, which has no fused form."]),
        ("snas", []),
    ):
        strategy = DifferentiableStrategy(build_recipe(method), supernet="fused")
        strategy.mutate_model(DartsSpace(init_channels=2, layers=3, nodes=2))
        assert strategy.unfused == reasons


def test_soft_draws_are_recorded_with_their_cooling():
    recipe = build_recipe("snas", single_level=False, span=2)
    parts = {"relaxation": recipe.relaxation, "schedules": recipe.schedules}
    options = {"capture": "on", "supernet": "generic", "recipe_parts": parts}
    tape = Tape()
    taped = outcome(search(tape, **options))
    assert [recording.replays for recording in tape.tapes] == [6, 6]
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options))) == 0


def test_steps_that_read_the_draw_are_not_recorded():
    recipe = build_recipe("gdas")
    parts = {"relaxation": recipe.relaxation, "schedules": recipe.schedules, "forward": recipe.forward}
    with pytest.raises(ConfigError, match="forward only_chosen is not declared capturable"):
        search(Rerun(), capture="on", recipe_parts=parts)


def test_an_unknown_rule_for_what_is_left_out_is_refused():
    with pytest.raises(ConfigError, match='method.left_out: got "zero"; write nothing or bare'):
        build_recipe("gdas", left_out="zero")
