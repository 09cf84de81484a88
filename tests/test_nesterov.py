"""Searches whose weights have Nesterov's momentum; its unrolled step is in tests/parts."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from nni_darts.config import Settings
from nni_darts.parts.weight_step import descend
from nni_darts.recipe import build_recipe
from nni_darts.state import SearchState
from tests.capture.interrupted import interrupted
from tests.capture.searches import largest_difference, outcome, search

CLIP = 0.5
AHEAD = {"nesterov": True}


class ByHand:
    """A weight step that works out beforehand where it will lead: card gumbel-softmax, Defaults."""

    def __init__(self, momentum: float, decay: float) -> None:
        self.momentum, self.decay = momentum, decay
        self.buffers: dict[Tensor, Tensor] = {}
        self.steps = self.left = 0

    def __call__(self, state: SearchState) -> None:
        weights = [weight for weight in state.objective.parameters() if weight.requires_grad]
        drawn = torch.get_rng_state()
        gradients = torch.autograd.grad(state.training_loss(), weights, allow_unused=True)
        torch.set_rng_state(drawn)
        (group,) = state.optimizer().param_groups
        lr = group["lr"]
        length = torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm()
        factor = min(1.0, CLIP / (float(length) + 1e-6))
        expected = [
            weight.detach().clone() if gradient is None else self._moved(weight, gradient * factor, lr)
            for weight, gradient in zip(weights, gradients, strict=True)
        ]
        descend(state)
        for weight, want, gradient in zip(weights, expected, gradients, strict=True):
            assert torch.allclose(weight, want, rtol=1e-5, atol=1e-6)
            self.left += gradient is None and torch.equal(weight, want)
        self.steps += 1

    @torch.no_grad()
    def _moved(self, weight: Tensor, gradient: Tensor, lr: float) -> Tensor:
        gradient = gradient + self.decay * weight
        buffer = gradient + self.momentum * self.buffers.get(weight, torch.zeros_like(weight))
        self.buffers[weight] = buffer
        return weight - lr * (gradient + self.momentum * buffer)


def test_the_weights_of_gdas_take_the_steps_of_its_authors() -> None:
    """With what the settings say of the method, and operations that are not drawn left where they are."""
    own = Settings.from_dict({"method": {"name": "gdas"}, "data": {"name": "cifar10"}}).search
    recipe = build_recipe("gdas")
    step = ByHand(0.9, 5e-4)
    names = ("relaxation", "schedules", "forward")
    search(
        None,
        settings={name: getattr(own, name) for name in ("momentum", "nesterov", "weight_decay")},
        gradient_clip_val=CLIP,
        recipe_parts={"weight_step": step, **{name: getattr(recipe, name) for name in names}},
    )
    assert (step.steps, step.left > 0) == (12, True)


def test_a_search_that_is_stopped_in_an_epoch_continues_to_the_bit(tmp_path: Path) -> None:
    whole = outcome(search(None, 2, settings=AHEAD))
    assert [group["nesterov"] for (group,) in whole["groups"] if "nesterov" in group] == [True]

    found = interrupted(tmp_path / "run", 6, order=2, settings=AHEAD)
    assert largest_difference(found, whole) == 0
