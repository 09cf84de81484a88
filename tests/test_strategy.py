"""The strategy in NNI's own experiment, with NNI's evaluator, on a space with every kind of choice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from nni.nas.experiment import NasExperiment
from nni.nas.space import model_context

from nni_darts import DARTS
from nni_darts.errors import ConfigError
from nni_darts.recipe import Recipe
from nni_darts.strategy import DifferentiableStrategy
from tests.evaluator import evaluator, loader
from tests.supernet.spaces import Everything


@pytest.mark.parametrize("order", [1, 2])
def test_an_experiment_exports_a_sample_that_freeze_accepts(order, tmp_path):
    experiment = NasExperiment(Everything(), evaluator(), DARTS(order=order, arch_lr=0.1))
    experiment.config.experiment_working_directory = tmp_path
    experiment.run()
    (sample,) = experiment.export_top_models(formatter="dict")
    x = torch.randn(2, 1, 8, 8)
    assert Everything().freeze(sample)(x).shape == (2, 3)
    with model_context(sample):
        assert Everything()(x).shape == (2, 3)
    (instance,) = experiment.export_top_models(formatter="instance")
    assert instance(x).shape == (2, 3)
    experiment.stop()


def run(strategy: DifferentiableStrategy, **options: Any) -> DifferentiableStrategy:
    torch.manual_seed(0)
    strategy.search(Everything(), evaluator(**options))
    return strategy


def alphas(strategy: DifferentiableStrategy) -> torch.Tensor:
    return torch.cat([alpha.detach() for alpha in strategy.oneshot_module.relaxation.alphas])


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_every_alpha_moves_and_no_weight_optimiser_sees_one(hvp):
    torch.manual_seed(0)
    strategy = DARTS(order=2, hvp=hvp, arch_lr=0.05)
    strategy.search(Everything(), evaluator())
    search = strategy.oneshot_module
    # Six Adam steps of 0.05 each: far beyond the initial scale of 0.001.
    unmoved = [
        label for label in search.relaxation.labels if search.relaxation.alpha(label).abs().max() < 0.02
    ]
    assert unmoved == []
    weights, outer = search.trainer.optimizers
    seen = {id(p) for group in weights.param_groups for p in group["params"]}
    assert seen == {id(p) for p in search.training_module.parameters()}
    assert [p for group in outer.param_groups for p in group["params"]] == list(search.relaxation.alphas)


def test_the_same_seed_gives_the_same_search():
    first, second = run(DARTS(order=2, arch_lr=0.1)), run(DARTS(order=2, arch_lr=0.1))
    assert torch.equal(alphas(first), alphas(second))


def test_warm_up_epochs_leave_the_alphas_where_they_were():
    start = run(DARTS(order=1, arch_lr=0.1, warmup_epochs=2))
    assert alphas(start).abs().max() < 0.01


def test_one_epoch_is_one_pass_over_the_training_half():
    """The validation half is shorter here (2 batches of 3): it begins again instead of ending the epoch."""
    seen = []

    def architect(state):
        seen.append((state.epoch, state.train_batch[1].sum().item(), state.valid_batch[1].sum().item()))
        return [torch.zeros_like(alpha) for alpha in state.outer_parameters]

    run(DifferentiableStrategy(Recipe(architect=architect)))
    assert [epoch for epoch, *_ in seen] == [0, 0, 0, 1, 1, 1]
    assert len({train for _, train, _ in seen}) > 1
    assert seen[0][2] == seen[2][2] != seen[1][2]


def test_parts_act_where_the_engine_says():
    order = []

    def note(name, result=None):
        def part(state):
            order.append(name)
            return result(state) if result else None

        return part

    recipe = Recipe(
        architect=note("architect", lambda state: [torch.zeros_like(a) for a in state.outer_parameters]),
        weight_step=note("weight step"),
        schedules=(note("schedule"),),
        setup=(note("setup"),),
        derivation=note("derivation", lambda state: {"answer": 42}),
    )
    strategy = DifferentiableStrategy(recipe)
    sample = strategy.search(Everything(), evaluator(max_epochs=1, train_dataloaders=loader(16)))
    assert sample == {"answer": 42}
    assert order == ["setup", "schedule", *["architect", "weight step"] * 2, "derivation"]


def test_logs_and_metrics_show_the_weight_step_alone():
    """NNI's evaluator logs in every training_step; the architect's four evaluations leave no trace."""
    losses = []

    class Watch(DARTS):
        def configure_oneshot_module(self, training_module):
            original = training_module.training_step

            def step(batch, index):
                loss = original(batch, index)
                losses.append((training_module.log.__name__, loss.item()))
                return loss

            training_module.training_step = step
            return super().configure_oneshot_module(training_module)

    strategy = run(Watch(order=2), max_epochs=1)
    # Per step: train at w, valid at w', train at w + Rv and w - Rv, all muted; then the weight step.
    names = [name for name, _ in losses]
    assert names == ["_ignore", "_ignore", "_ignore", "_ignore", "log"] * 3
    assert strategy.oneshot_module.trainer.callback_metrics["train_loss"].item() == losses[-1][1]


def test_second_order_refuses_adam_before_training():
    with pytest.raises(ConfigError, match="plain SGD weight optimiser; got Adam"):
        run(DARTS(order=2), optimizer=torch.optim.Adam)
    run(DARTS(order=1), optimizer=torch.optim.Adam, max_epochs=1)


def test_first_order_needs_two_evaluations_a_step():
    calls = 0

    class Count(DARTS):
        def mutate_model(self, model):
            supernet = super().mutate_model(model)
            supernet.register_forward_hook(lambda *_: count())
            return supernet

    def count():
        nonlocal calls
        calls += 1

    run(Count(order=1), max_epochs=1, limit_val_batches=0)
    assert calls == 2 * 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"order": 3}, "method.order: got 3; write 1"),
        ({"hvp": "hessian"}, 'method.hvp: got "hessian"'),
        ({"radius": 0}, "method.radius: got 0"),
        ({"warmup_epochs": -1}, "search.warmup_epochs: got -1"),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        DARTS(**options)


@pytest.mark.parametrize("first", ["strategy", "engine", "parts.forward", "supernet.cell", "methods.darts"])
def test_nnis_own_strategies_still_work_after_ours_was_imported_first(first):
    """NNI's packages import each other in a circle, and whoever enters it from the wrong side breaks it."""
    code = f"import nni_darts.{first}; from nni.nas.strategy import DARTS; DARTS()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
