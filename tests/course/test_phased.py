"""Searches in phases: what each begins with, what counts through, and that any of them can be resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from nni.nas.evaluator.pytorch import DataLoader, Lightning
from nni.nas.experiment import NasExperiment
from nni.nas.nn.pytorch import LayerChoice, ModelSpace, Repeat
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nni_darts.config.search import Search
from nni_darts.course.progress import Progress
from nni_darts.errors import ConfigError, Interrupted
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.outer import OuterOptimiser
from nni_darts.parts.phases import Phase, Phases
from nni_darts.recipe import Recipe
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from nni_darts.training.checkpoint import read_checkpoint
from nni_darts.training.classifier import Classifier
from nni_darts.training.trainer import make_trainer
from tests.evaluator import evaluator
from tests.training.conftest import train_loader, valid_loader

BATCHES, EPOCHS = 4, 2
"""Of an epoch and of a phase."""


class Stack(ModelSpace):
    """A user's space: its operations have no names, its depth is called ``depth``."""

    def __init__(self, depth: int, width: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3), nn.Dropout(0.2))
        self.layers = nn.ModuleList(
            LayerChoice([nn.Conv2d(width, width, 1), nn.AvgPool2d(1), nn.Tanh()], label=f"op{index % 2}")
            for index in range(depth)
        )
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean((2, 3)))


class Deeper(Phases):
    """Three phases: one layer more each, ``op0`` without its first candidate, one epoch in the second."""

    def after(self, phase: Phase, state: Any, arguments: Any) -> Phase | None:
        index = phase.index + 1
        if index == 3:
            return None
        return Phase(
            index,
            {"depth": arguments["depth"] + index},
            {"op0": [1, 2]},
            epochs=1 if index == 1 else None,
            memory={"before": [*phase.memory.get("before", []), state.epoch]},
        )

    def recipe(self, phase: Phase, recipe: Recipe) -> Recipe:
        return recipe.but(outer_optimiser=OuterOptimiser(lr=0.05 * (phase.index + 1)))


def recipe(phases: Phases | None = None) -> Recipe:
    return darts_first_order().but(phases=phases or Deeper())


class Watch(pl.Callback):
    """What every phase is of when it begins."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        weights, outer = trainer.optimizers
        self.seen.append(
            {
                "layers": len(pl_module.training_module.model.layers),
                "sizes": [len(alpha) for alpha in pl_module.relaxation.alphas],
                "alpha": max(alpha.abs().max().item() for alpha in pl_module.relaxation.alphas),
                "states": len(weights.state) + len(outer.state),
                "lr": (weights.param_groups[0]["lr"], outer.param_groups[0]["lr"]),
                "epochs": (trainer.current_epoch, trainer.max_epochs),
                "weight": pl_module.training_module.model.head.weight.detach().clone(),
            }
        )


def search(
    path: Path, in_train: Callable[[int], None] = lambda _: None, resume: bool = False, **options: Any
) -> tuple[DifferentiableStrategy, dict[str, Any], Watch]:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    run = Run.create(path, "search/0", resume=resume)
    torch.manual_seed(0)
    space = Stack(2)
    if resume:
        torch.manual_seed(99)
    settings = Search(epochs=EPOCHS, lr=0.1, batch_size=4, lr_min=0.0)
    checkpoint, watch = EpochCheckpoint(run), Watch()
    evaluator = Lightning(
        Classifier.from_settings(settings),
        make_trainer(
            run,
            options.pop("epochs", settings.epochs),
            "cpu",
            [EpochReport(run, NullReporter()), checkpoint, StopOnSignal(checkpoint), watch],
        ),
        train_dataloaders=train_loader(in_train),
        val_dataloaders=valid_loader(),
        fit_kwargs={"ckpt_path": checkpoint.resume_path()},
    )
    strategy = DifferentiableStrategy(options.pop("recipe", recipe()), **options)
    return strategy, strategy.search(space, evaluator), watch


def outcome(path: Path) -> tuple[Any, ...]:
    checkpoint = read_checkpoint(path / "last.ckpt")
    optimizers = [
        [value.tolist() for state in optimizer["state"].values() for value in state.values()]
        for optimizer in checkpoint["optimizer_states"]
    ]
    table = pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="seconds")
    weights = {name: tensor.tolist() for name, tensor in checkpoint["state_dict"].items()}
    return weights, optimizers, checkpoint["lr_schedulers"], checkpoint["phase"], table.to_csv()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DifferentiableStrategy, dict, Watch]:
    path = tmp_path_factory.mktemp("whole") / "run"
    return path, *search(path)


def test_every_phase_is_another_network_and_begins_anew(whole) -> None:
    _, strategy, sample, watch = whole
    assert [seen["layers"] for seen in watch.seen] == [2, 3, 4]
    assert [seen["sizes"] for seen in watch.seen] == [[3, 3], [2, 3], [2, 3]]
    assert all(0 < seen["alpha"] < 0.01 for seen in watch.seen)
    assert [seen["states"] for seen in watch.seen] == [0, 0, 0]
    assert [seen["lr"] for seen in watch.seen] == [(0.1, 0.05), (0.1, 0.1), (0.1, pytest.approx(0.15))]
    assert [seen["epochs"] for seen in watch.seen] == [(0, 2), (2, 3), (3, 5)]
    first, second, third = (seen["weight"] for seen in watch.seen)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    assert sample["op0"] in (1, 2)
    assert len(strategy.supernet.layers) == 4
    assert Stack(2).freeze(sample)(torch.randn(2, 1, 6, 6)).shape == (2, 3)


def test_the_parts_of_a_phase_count_its_own_epochs_and_the_table_counts_all(whole) -> None:
    path, strategy, *_ = whole
    table = pd.read_csv(path / "metrics.csv")
    assert table["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert table["phase"].tolist() == [1, 1, 2, 3, 3]
    # The cosine begins anew: full, then half way to 0; a phase of one epoch has no second.
    assert table["lr"].tolist() == pytest.approx([0.1, 0.05, 0.1, 0.1, 0.05])
    state = strategy.oneshot_module.state
    assert (state.epoch, state.epochs) == (1, 2)
    progress = Progress.of(read_checkpoint(path / "last.ckpt"))
    assert progress.phase.memory == {"before": [1, 0]}
    assert (progress.phase.index, progress.first_epoch, progress.epochs) == (2, 3, 2)


@pytest.mark.parametrize("number", [1, 7, 10, 18])
def test_resumed_in_any_phase_is_uninterrupted_to_the_bit(whole, tmp_path: Path, number: int) -> None:
    """Batches 0 to 7 are the first phase's, 8 to 11 the second's; 7 is followed by validation."""
    path, _, sample, _ = whole

    def interrupt(batch: int) -> None:
        if batch == number:
            stop[0].request("the test")

    stop: list[StopOnSignal] = []
    original = StopOnSignal.__init__

    def keep(self: StopOnSignal, checkpoint: EpochCheckpoint) -> None:
        original(self, checkpoint)
        stop.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopOnSignal, "__init__", keep)
        with pytest.raises(Interrupted):
            search(tmp_path / "run", interrupt)
    resumed, again, _ = search(tmp_path / "run", resume=True)
    assert again == sample
    assert outcome(tmp_path / "run") == outcome(path)
    assert len(resumed.supernet.layers) == 4


@pytest.mark.parametrize("epoch", [1, 3])
def test_killed_right_after_a_checkpoint_it_goes_on_with_the_next_phase(
    whole, tmp_path: Path, epoch: int
) -> None:
    """Epoch 1 is the last of its phase: what follows from it is decided again."""
    path, _, sample, _ = whole

    class Killed(Exception):
        pass

    def kill(self: EpochCheckpoint, trainer: pl.Trainer, pl_module: Any) -> None:
        self.save(trainer)
        if trainer.current_epoch == epoch:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochCheckpoint, "on_train_epoch_end", kill)
        with pytest.raises(Killed):
            search(tmp_path / "run")
    assert search(tmp_path / "run", resume=True)[1] == sample
    assert outcome(tmp_path / "run") == outcome(path)


def test_a_finished_search_is_finished(whole, tmp_path: Path) -> None:
    path, _, sample, _ = whole
    before = outcome(path)
    strategy, again, watch = search(path, resume=True)
    assert again == sample
    assert watch.seen == []
    assert outcome(path) == before
    assert strategy.oneshot_module.epoch_metrics()["phase"] == 3


def test_a_checkpoint_of_another_length_or_without_phases_is_refused(whole, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="written with 2 epochs a phase, this search has 5; set epochs: 2"):
        search(whole[0], resume=True, epochs=5)
    search(tmp_path / "run", recipe=darts_first_order())
    with pytest.raises(ConfigError, match="of a search without phases"):
        search(tmp_path / "run", resume=True)


def test_one_phase_is_the_search_without_phases_to_the_bit(tmp_path: Path) -> None:
    class One(Phases):
        def after(self, *_: Any) -> None:
            return None

    search(tmp_path / "one", recipe=recipe(One()))
    search(tmp_path / "none", recipe=darts_first_order())
    one, none = (read_checkpoint(tmp_path / name / "last.ckpt") for name in ("one", "none"))
    assert all(torch.equal(one["state_dict"][name], none["state_dict"][name]) for name in none["state_dict"])


def test_nnis_experiment_searches_all_phases(tmp_path: Path) -> None:
    data = DataLoader(TensorDataset(torch.randn(8, 1, 6, 6), torch.arange(8) % 3), batch_size=4)
    short = evaluator(train_dataloaders=data, val_dataloaders=data, max_epochs=1)
    strategy = DifferentiableStrategy(recipe())
    experiment = NasExperiment(Stack(1), short, strategy)
    experiment.config.experiment_working_directory = tmp_path
    experiment.run()
    (sample,) = experiment.export_top_models(formatter="dict")
    assert sample["op0"] in (1, 2)
    assert len(strategy.supernet.layers) == 3
    assert short.trainer.current_epoch == 3
    experiment.stop()


class Fixed(Stack):
    """Cannot be built with another depth."""

    def __init__(self) -> None:
        super().__init__(2)


def test_a_space_that_cannot_be_built_again_takes_a_function_that_can() -> None:
    class Changed(Phases):
        def first(self, *_: Any) -> Phase:
            return Phase(0, {"depth": 3})

    method = darts_first_order().but(phases=Changed())
    with pytest.raises(ConfigError, match=r"Fixed has no argument depth, .*rebuild="):
        DifferentiableStrategy(method).mutate_model(Fixed())
    supernet = DifferentiableStrategy(method, rebuild=lambda depth: Stack(depth)).mutate_model(Fixed())
    assert len(supernet.layers) == 3


def test_a_supernet_shares_no_argument_with_the_one_before() -> None:
    class Given(ModelSpace):
        def __init__(self, head: nn.Module, depth: int = 1) -> None:
            super().__init__()
            self.choice = LayerChoice([nn.Linear(2, 2), nn.Tanh()], label="op")
            self.repeat = Repeat(nn.Linear(2, 2), (1, depth), label="depth") if depth > 1 else nn.Identity()
            self.head = head

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.repeat(self.choice(x)))

    strategy = DifferentiableStrategy(recipe())
    first = strategy.mutate_model(Given(nn.Linear(2, 3)))
    second = strategy.origin.build({"depth": 2})
    assert first.head is not second.head


def test_a_trainer_without_a_length_is_refused() -> None:
    strategy = DifferentiableStrategy(recipe())
    evaluator = Lightning(
        Classifier(epochs=1),
        make_trainer_without_end(),
        train_dataloaders=train_loader(),
        val_dataloaders=valid_loader(),
    )
    with pytest.raises(ConfigError, match="max_epochs=-1; a search in phases needs their length"):
        strategy.search(Stack(1), evaluator)


def make_trainer_without_end() -> Any:
    from nni.nas.evaluator.pytorch import Trainer

    return Trainer(max_epochs=-1, logger=False, enable_checkpointing=False, accelerator="cpu")
