"""Diagnostics change nothing, are found again in a checkpoint, and are refused where they are not defined."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from nni.nas.evaluator.pytorch import DataLoader
from pytorch_lightning import Callback
from torch.utils.data import TensorDataset

from nni_darts import Diagnostics
from nni_darts.diagnostics.measurements import Measurements
from nni_darts.diagnostics.options import is_due
from nni_darts.errors import ConfigError
from nni_darts.parts.eigenvalue import largest_eigenvalue
from nni_darts.parts.stopping import Sample, Stop, Stopping
from nni_darts.recipe import build_recipe
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.random_state import random_state
from tests.capture.fakes import Tape
from tests.capture.searches import images, largest_difference, outcome, search
from tests.methods.tiny import searched

EVERY_EPOCH = Diagnostics(eigenvalue_every=1, discretisation_every=1)
NEVER = Diagnostics(eigenvalue_every=None, discretisation_every=None)
MEASURED = {"hessian_eigenvalue", "discretised_accuracy", "discretised_loss", "discretisation_gap"}


def shuffled() -> DataLoader:
    """A loader of torch: an iterator of it draws from the global generator, and so does its order."""
    found = images(8, 1)
    return DataLoader(TensorDataset(found.images.float() / 255, found.labels), batch_size=4, shuffle=True)


def left_by(strategy: DifferentiableStrategy) -> dict[str, Any]:
    module: Any = strategy.oneshot_module
    states = [optimizer.state_dict()["state"] for optimizer in module.trainer.optimizers]
    random = random_state()
    return {
        "state": dict(module.state_dict()),
        "optimizers": [
            {(key, name): value for key, state in each.items() for name, value in state.items()}
            for each in states
        ],
        "random": [random["torch"], random["numpy"]["state"], random["python"]],
        "metrics": {key: value for key, value in module.epoch_metrics().items() if key not in MEASURED},
    }


@pytest.mark.parametrize(
    ("method", "options", "diagnostics", "validation"),
    [
        ("darts", {"order": 2}, EVERY_EPOCH, None),
        ("pc-darts", {"k": 2, "warmup_epochs": 1}, EVERY_EPOCH, None),
        ("gdas", {}, Diagnostics(None, 1), None),  # draws noise in every step
        ("gdas", {}, Diagnostics(None, 1), shuffled),
        ("noisy-darts", {}, EVERY_EPOCH, shuffled),
    ],
)
def test_a_search_is_the_same_to_the_bit_with_and_without(
    method: str, options: Any, diagnostics: Diagnostics, validation: Any
) -> None:
    def run(wanted: Diagnostics) -> DifferentiableStrategy:
        torch.manual_seed(0)
        loader = validation() if validation else None
        return searched(
            build_recipe(method, **options), diagnostics=wanted, validation_dataloader=loader, epochs=3
        )

    with_, without = run(diagnostics), run(NEVER)
    assert largest_difference(left_by(with_), left_by(without)) == 0
    found = set(with_.oneshot_module.epoch_metrics())
    assert found & MEASURED == MEASURED - ({"hessian_eigenvalue"} if method == "gdas" else set())
    assert not set(without.oneshot_module.epoch_metrics()) & MEASURED


def test_a_recorded_search_measures_the_same() -> None:
    """The last batch of an epoch is a repetition of a recording; the eigenvalue is of that very batch."""
    options: dict[str, Any] = {"rest": 0, "diagnostics": EVERY_EPOCH, "supernet": "generic"}
    taped, plain = outcome(search(Tape(fused=False), **options)), outcome(search(None, **options))
    assert set(taped["metrics"]) >= MEASURED
    assert largest_difference(taped, plain) == 0


class Watch(Callback):
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.expected: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.is_last_batch:
            self.expected.append(largest_eigenvalue(pl_module.state))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        before = trainer.val_dataloaders.state_dict()
        self.rows.append(pl_module.epoch_metrics())
        assert trainer.val_dataloaders.state_dict() == before


def test_each_at_its_own_epochs_and_after_the_last_one() -> None:
    watch = Watch()
    searched(build_recipe("darts", order=1), diagnostics=Diagnostics(2, 3), epochs=5, callbacks=[watch])
    rows = [set(row) & MEASURED for row in watch.rows]
    gaps = MEASURED - {"hessian_eigenvalue"}
    assert rows == [set(), {"hessian_eigenvalue"}, gaps, {"hessian_eigenvalue"}, MEASURED]
    for row, expected in zip(watch.rows, watch.expected, strict=True):
        assert row.get("hessian_eigenvalue", expected) == pytest.approx(expected, rel=1e-3, abs=1e-6)
        if "discretisation_gap" in row:
            lost = row["valid_accuracy"] - row["discretised_accuracy"]
            assert row["discretisation_gap"] == lost


def test_a_stopped_search_ends_with_numbers() -> None:
    class AfterTwo(Stopping):
        def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
            return Stop("enough", state.epoch, sample) if state.epoch == 1 else None

    recipe = build_recipe("darts", order=1).but(stopping=AfterTwo())
    watch = Watch()
    searched(recipe, epochs=9, diagnostics=Diagnostics(9, 9), callbacks=[watch])
    assert [set(row) & MEASURED for row in watch.rows] == [set(), MEASURED]


def test_when_something_is_due() -> None:
    assert [is_due(2, epoch, False) for epoch in range(4)] == [False, True, False, True]
    assert is_due(50, 3, True)
    assert not is_due(None, 3, True)


def test_only_finite_numbers_are_kept_and_come_back() -> None:
    measured = Measurements(EVERY_EPOCH)
    measured._keep({"a": math.nan, "b": math.inf, "c": 1.0})
    measured.discretisation_due = True
    again = Measurements(EVERY_EPOCH)
    again.load_state_dict(measured.state_dict())
    assert (again.values, again.discretisation_due) == ({"c": 1.0}, True)
    again.begin_epoch()
    assert (again.values, again.discretisation_due) == ({}, False)


@pytest.mark.parametrize("method", ["gdas", "snas", "random-ws"])
def test_a_mixture_that_is_drawn_has_no_eigenvalue(method: str) -> None:
    with pytest.raises(ConfigError, match=r"search.eigenvalue_every: got 3; .* draws another mixture"):
        searched(build_recipe(method), diagnostics=Diagnostics(eigenvalue_every=3))


def test_numbers_of_epochs_are_checked_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Diagnostics(0, -1)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "search.eigenvalue_every",
        "search.discretisation_every",
    ]
