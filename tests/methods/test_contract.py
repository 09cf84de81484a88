"""What every registered method keeps to: a new one is tested here without a new test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from nni.nas.nn.pytorch import ModelSpace

from nni_darts.config import Settings
from nni_darts.errors import ConfigError, Interrupted
from nni_darts.genotype import Architecture
from nni_darts.recipe import Recipe, build_recipe, methods
from nni_darts.run.directory import Run
from nni_darts.stages.search import recipe_of
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.callbacks import EpochCheckpoint, StopOnSignal
from search_spaces import S2, DartsSpace, NasBench201Space
from tests.methods.parents import PARENTS, ROOTS
from tests.methods.tiny import is_equal, searched, state_of, tiny_space

FOR_IMAGES = {"num_classes": 3, "in_channels": 1}
SPACES: dict[str, Callable[[], ModelSpace]] = {
    "darts": lambda: DartsSpace(init_channels=4, layers=3, nodes=1, **FOR_IMAGES),
    "s2": lambda: S2(init_channels=4, layers=3, **FOR_IMAGES),
    "nasbench201": lambda: NasBench201Space(init_channels=4, cells=1, **FOR_IMAGES),
}

SMALL: dict[str, dict[str, Any]] = {
    "darts-pt": {"interval": 1},
    "p-darts": {"layers": [3, 4], "keep": [2], "dropout": [0.0, 0.4], "warmup_epochs": 1},
    "random-ws": {"candidates": 4, "batches": 1, "finalists": 2},
}
"""Options that make a method's search short, where its defaults do not."""

SHORT = {"s2": {"limit_train_batches": 1, "limit_val_batches": 1}}
"""Epochs of one step on a space of so many edges that some methods add an epoch for each."""

FEW = ("none", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")


def few_choices() -> DartsSpace:
    """All that a method may ask for, and little to compute."""
    return tiny_space(FEW, init_channels=4, layers=3)


every_method = pytest.mark.parametrize("name", methods())


def search(name: str, space: str = "darts", **options: Any) -> DifferentiableStrategy:
    """Two epochs of two steps; skips the test where the method is not defined."""
    torch.manual_seed(0)
    built = SPACES[space]()
    recipe = build_recipe(name, **SMALL.get(name, {}))
    try:
        DifferentiableStrategy(recipe).mutate_model(SPACES[space]())
    except ConfigError as error:
        assert all(problem.startswith("method") for problem in error.problems), error
        pytest.skip(str(error))
    return searched(recipe, built, **options)


@every_method
@pytest.mark.parametrize("space", SPACES)
def test_a_search_stays_finite_and_what_it_derives_is_a_network(name: str, space: str):
    strategy = search(name, space, trainer=SHORT.get(space))
    assert is_finite(strategy)
    sample = strategy.oneshot_module.export()
    assert SPACES[space]().freeze(sample)(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    architecture = Architecture.from_sample(sample, space=space, method=name, macro={}, provenance={})
    assert Architecture.from_json(architecture.to_json()) == architecture
    metrics = strategy.oneshot_module.epoch_metrics()
    assert all(isinstance(value, float) for value in metrics.values())
    json.dumps(metrics, allow_nan=False)


class Interrupt(StopOnSignal):
    """A signal in the middle of the second epoch."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        if trainer.current_epoch == 1:
            self.request("the test")
        super().on_train_batch_end(trainer, pl_module, *args)


@every_method
def test_the_same_seed_is_the_same_search_and_so_is_one_that_is_resumed(name: str, tmp_path: Path):
    """The second search of the seed is the one that is stopped and resumed."""
    whole = search(name)

    def stopped(kind: type[StopOnSignal], resume: bool) -> DifferentiableStrategy:
        checkpoint = EpochCheckpoint(Run.create(tmp_path / "run", "search/0", resume=resume))
        fit = {"ckpt_path": checkpoint.resume_path()}
        return search(name, callbacks=[checkpoint, kind(checkpoint)], fit=fit)

    with pytest.raises(Interrupted):
        stopped(Interrupt, resume=False)
    resumed = stopped(StopOnSignal, resume=True)
    assert is_equal(state_of(resumed), state_of(whole))
    assert resumed.oneshot_module.export() == whole.oneshot_module.export()


@every_method
def test_at_its_limit_it_is_its_parent_to_the_bit(name: str):
    """Strength zero, k = 1 and so on; item 4 of the card pc-darts, item 1 of darts-minus and noisy-darts."""
    assert (name in PARENTS) != (name in ROOTS), "give it a parent, or say that it has none, in parents.py"
    if name in PARENTS:
        limit, parent = (searched(recipe, few_choices()) for recipe in PARENTS[name].recipes(name))
        assert is_equal(state_of(limit), state_of(parent))
        assert limit.oneshot_module.export() == parent.oneshot_module.export()


@every_method
def test_second_order_works_or_is_refused(name: str):
    options = SMALL.get(name, {})
    try:
        if "order" in methods()[name].options:
            recipe = build_recipe(name, **{**options, "order": 2})
        else:
            recipe = build_recipe(name, {"architect": "unrolled"}, **options)
    except ConfigError as error:
        assert all(problem.startswith("method") for problem in error.problems)
    else:
        assert is_finite(searched(recipe, few_choices(), epochs=1))


@every_method
def test_half_precision_works(name: str):
    recipe = build_recipe(name, **SMALL.get(name, {}))
    assert is_finite(searched(recipe, few_choices(), epochs=1, trainer={"precision": "bf16-mixed"}))


@every_method
def test_accumulated_gradients_are_refused(name: str):
    with pytest.raises(ConfigError, match="accumulate_grad_batches: got 2; .* write 1 and a larger batch"):
        searched(build_recipe(name), few_choices(), trainer={"accumulate_grad_batches": 2})


def is_finite(strategy: DifferentiableStrategy) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in state_of(strategy).values())


@every_method
def test_its_options_are_yaml_and_come_back(name: str):
    method = methods()[name]
    content = {"method": {"name": name, **method.options}}
    settings = Settings.from_dict(yaml.safe_load(yaml.safe_dump(content)))
    assert settings.method.options == method.options
    assert Settings.from_dict(yaml.safe_load(yaml.safe_dump(settings.to_dict()))) == settings
    assert isinstance(recipe_of(settings), Recipe)
    with pytest.raises(ConfigError, match=f'method.strenght: the method "{name}" has no such option'):
        build_recipe(name, strenght=1)


@every_method
def test_its_page_has_what_the_list_shows(name: str):
    method = methods()[name]
    assert method.summary
    assert "(" in method.paper  # where and when it appeared
    assert method.build.__doc__
    json.dumps(method.options)
