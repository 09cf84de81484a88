"""Every registered method finds a planted answer: a new one is tested here without a new test."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import first_order
from nni_darts.recipe import Recipe, build_recipe, methods
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from tests.methods.planted import (
    ANSWER,
    PLANTED,
    PlantedSpace,
    candidates,
    images,
    is_found,
    loader,
    searched,
    signed,
)

SEEDS = (0, 1)

SHORT: dict[str, dict[str, Any]] = {
    "darts-pt": {"interval": 1},
    # Its gates do not compete. With the paper's weight of 10 they go to 0 or 1 in whatever direction the
    # first steps gave them, which 30 steps cannot average.
    "fair-darts": {"weight": 1.0, "threshold": 0.7},
    "random-ws": {"candidates": 300, "batches": 1},
}
"""Options for a search of so few steps, where a method's defaults are for thousands."""

ODD = [name for name in candidates() if name != PLANTED]


def network(
    first: str, second: str, third: str = "skip_connect", inputs: tuple[int, ...] = (0, 1)
) -> ModelSpace:
    """The discrete network of these operations on the three edges."""
    torch.manual_seed(0)
    operations = {f"normal/edge_{k}": name for k, name in enumerate((first, second, third))}
    return PlantedSpace().freeze({**operations, "normal/inputs": list(inputs)})


def trained(model: nn.Module) -> tuple[float, float]:
    """Cross-entropy and accuracy on other images after some steps alone."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = loader(24, 0)
    for epoch in range(5):
        batches.set_epoch(epoch)
        for x, y in batches:
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
    return score(model)


@torch.no_grad()
def score(model: nn.Module) -> tuple[float, float]:
    """Cross-entropy and accuracy, without training."""
    x, y = everything()
    logits = model.eval()(x)
    return float(cross_entropy(logits, y)), float((logits.argmax(1) == y).float().mean())


def everything() -> tuple[Tensor, Tensor]:
    """Images that no training saw, with their negatives."""
    found = images(64, 9)
    x, y = found.batch(slice(None))
    return signed(x, torch.Generator()), y


@pytest.mark.parametrize(("first", "second"), list(product(ODD, ODD)))
def test_without_the_planted_operation_a_network_learns_nothing(first: str, second: str):
    loss, accuracy = trained(network(first, second))
    assert loss > math.log(4) - 1e-6  # a bound for all weights
    assert accuracy < 0.4


def test_logits_of_an_image_and_its_negative_cancel_without_the_planted_operation():
    """Whatever the weights are, so that the bound on the loss holds for all of them."""
    x, _ = everything()
    for operations in product(ODD, repeat=3):
        for inputs in ((0, 1), (1, 2)):
            model = network(*operations, inputs).eval()
            with torch.no_grad():
                total = model(x) + model(-x)
            assert torch.allclose(total, total[:1].expand_as(total), atol=1e-4)


def test_the_planted_operation_tells_the_classes_of_its_source():
    """On both edges all four classes, on one of them one bit of two, on the third edge none."""
    loss, accuracy = trained(network(PLANTED, PLANTED))
    assert loss < 0.2
    assert accuracy > 0.98
    for half in ((PLANTED, "skip_connect"), ("skip_connect", PLANTED)):
        loss, accuracy = trained(network(*half))
        assert loss > math.log(2) - 0.05
        assert 0.4 < accuracy < 0.6
    loss, accuracy = trained(network("none", "skip_connect", PLANTED, (1, 2)))
    assert loss > math.log(4) - 0.05
    assert accuracy < 0.4


def chooses(recipe: Recipe) -> bool:
    """Whether anything that was learned decides: the architecture's gradient, or what the end is asked."""
    return getattr(recipe.architect, "learns", True) or recipe.stopping is not None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", methods())
def test_the_search_finds_it(name: str, seed: int):
    """A method that learns nothing is the control: chance does not find it."""
    recipe = build_recipe(name, **SHORT.get(name, {}))
    try:
        DifferentiableStrategy(recipe).mutate_model(PlantedSpace())
    except ConfigError as error:
        assert all(problem.startswith("method") for problem in error.problems), error
        pytest.skip(str(error))
    strategy = searched(recipe, seed)
    assert is_found(strategy) == chooses(recipe), strategy.oneshot_module.export_probs()


def ascent(state: SearchState) -> list[Tensor]:
    """The gradient with the wrong sign."""
    return [-gradient for gradient in first_order(state)]


def test_a_wrong_sign_loses_it():
    strategy = searched(Recipe(architect=ascent), 0)
    assert not is_found(strategy)
    for label in list(ANSWER)[:2]:
        weights = strategy.oneshot_module.export_probs()[label]
        assert min(weights, key=weights.__getitem__) == PLANTED
