"""Epochs after those of the search: how many, what stays the same in them, and interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from nni.nas.evaluator.pytorch import Lightning, Trainer

from nni_darts.capture import step
from nni_darts.config.search import Search
from nni_darts.errors import ConfigError, Interrupted
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.stopping import Stopping
from nni_darts.parts.tail import Tail
from nni_darts.parts.weight_step import begin_anew
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.fused import nodes
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from nni_darts.training.classifier import Classifier
from tests.capture import searches
from tests.capture.fakes import Tape
from tests.methods.tiny import is_equal, searched, state_of, tiny_space

EDGE = "reduce/edge_0_2"


class Deciding(Tail):
    """Begins the weights anew and fixes one edge in its second epoch."""

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        self.count = count
        self.memory = {"begun": [], "rows": {}}

    def epochs(self, structure: Any) -> int:
        return self.count

    def begin(self, state: Any, epoch: int) -> None:
        self.memory["begun"].append([epoch, state.epoch, state.epochs, float(state.clock)])
        if epoch == 0:
            begin_anew(state.optimizer(), 0.1)
        if epoch == 1:
            size = len(state.structure.choices[EDGE].values)
            self.memory["rows"] = {EDGE: [0.0] * (size - 1) + [1.0]}
            self.restore(state)

    def restore(self, state: Any) -> None:
        state.weights.gates.fix({label: tuple(row) for label, row in self.memory["rows"].items()})

    def metrics(self) -> dict[str, float]:
        return {"begun": float(len(self.memory["begun"]))}


def test_the_tail_follows_the_search_and_the_searchs_epochs_stay():
    tail = Deciding()
    seen = []

    def watch(state: Any) -> None:
        seen.append((state.epoch, state.epochs, float(state.clock)))

    recipe = darts_first_order().but(tail=tail, schedules=(watch,))
    module = searched(recipe, epochs=2).oneshot_module
    assert module.trainer.current_epoch == 5
    assert seen == [(0, 2, 0.0), (1, 2, 1.0), (2, 2, 2.0), (2, 2, 2.0), (2, 2, 2.0)]
    assert module.epochs.tail.memory["begun"] == [[epoch, 2, 2, 2.0] for epoch in range(3)]
    assert module.epoch_metrics()["begun"] == 3
    assert tail.memory["begun"] == []  # a recipe is shared; what one search remembers is its own


def test_what_is_decided_is_reported_and_derived():
    module = searched(darts_first_order().but(tail=Deciding()), epochs=1).oneshot_module
    row = module.export_probs()[EDGE]
    assert list(row.values()) == [0.0] * 7 + [1.0]
    assert module.export()[EDGE] == "dil_conv_5x5"
    assert module.export_probs()["reduce/edge_1_2"] != row
    assert module.epoch_metrics()["entropy"] < 0.6 * torch.tensor(8.0).log()


class Rates(EpochReport):
    """Keeps the rates and the momenta of the first weight after every epoch."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, NullReporter())
        self.seen: list[tuple[float, float]] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        self.seen.append((self._lr, trainer.optimizers[0].param_groups[0]["momentum"]))


def test_the_rate_is_constant_in_the_tail_and_reported(tmp_path: Path):
    rates = Rates(Run.create(tmp_path, "search/0", resume=False))
    searched(darts_first_order().but(tail=Deciding(4)), epochs=2, callbacks=[rates])
    cosine = [0.2, 0.001 + 0.199 / 2]
    assert [rate for rate, _ in rates.seen] == pytest.approx([*cosine, *[0.02] * 4])
    assert {momentum for _, momentum in rates.seen} == {0.9}
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert list(table["lr"]) == pytest.approx([*cosine, *[0.02] * 4])


@pytest.mark.parametrize("scheduled", [True, False])
def test_an_optimiser_begins_anew(scheduled: bool):
    """Its next step is that of a new one: momentum of before would be in it."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    sgd = torch.optim.SGD([weight], lr=0.5, momentum=0.9, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(sgd, 0.1) if scheduled else None
    for _ in range(3):
        weight.grad = torch.tensor([2.0])
        sgd.step()
        if schedule is not None:
            schedule.step()
    before = float(weight)
    begin_anew(sgd, 0.1)
    weight.grad = torch.tensor([2.0])
    sgd.step()
    assert float(weight) == pytest.approx(before - 0.05 * (2 + 0.1 * before))


class Interrupt(StopOnSignal):
    """A signal after the first batch of an epoch."""

    def __init__(self, checkpoint: EpochCheckpoint, epoch: int) -> None:
        super().__init__(checkpoint)
        self.epoch = epoch

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        if trainer.current_epoch == self.epoch:
            self.request("the test")
        super().on_train_batch_end(trainer, pl_module, *args)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_search_is_resumed_in_its_tail_to_the_bit(epoch: int, tmp_path: Path):
    recipe = darts_first_order().but(tail=Deciding())
    whole = searched(recipe, epochs=1)

    def stopped(resume: bool) -> DifferentiableStrategy:
        checkpoint = EpochCheckpoint(Run.create(tmp_path / "run", "search/0", resume=resume))
        stop = StopOnSignal(checkpoint) if resume else Interrupt(checkpoint, epoch)
        fit = {"ckpt_path": checkpoint.resume_path()}
        return searched(recipe, epochs=1, callbacks=[checkpoint, stop], fit=fit)

    with pytest.raises(Interrupted):
        stopped(resume=False)
    resumed = stopped(resume=True)
    assert is_equal(state_of(resumed), state_of(whole))
    modules = [strategy.oneshot_module for strategy in (whole, resumed)]
    assert modules[0].epochs.tail.memory == modules[1].epochs.tail.memory
    assert modules[0].export() == modules[1].export()
    first, second = (module.trainer.optimizers[0].state_dict() for module in modules)
    assert first["param_groups"] == second["param_groups"]
    assert searches.largest_difference(first["state"], second["state"]) == 0


def test_recordings_follow_what_the_tail_changes(monkeypatch):
    """A recording from before the decision, or with the old rate or momenta, would be another search."""
    monkeypatch.setattr(step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    tape = Tape(fused=False)
    plain, taped = (
        searches.search(graphs, epochs=1, recipe_parts={"tail": Deciding()}) for graphs in (None, tape)
    )
    assert sum(recording.replays for recording in tape.tapes) > 0
    assert searches.largest_difference(searches.outcome(plain), searches.outcome(taped)) < 1e-5


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_tail_computes_in_the_precision_of_the_search(precision: str):
    seen = []

    class Watched(Deciding):
        def begin(self, state: Any, epoch: int) -> None:
            super().begin(state, epoch)
            seen.append(torch.is_autocast_enabled("cpu"))

    searches.search(None, epochs=1, trainer={"precision": precision}, recipe_parts={"tail": Watched(1)})
    assert seen == [precision == "bf16-mixed"]


def test_a_rule_that_stops_the_search_has_no_tail():
    recipe = darts_first_order().but(tail=Deciding(), stopping=Stopping())
    with pytest.raises(ConfigError, match=r"method: Deciding \(tail\) needs stopping to be empty"):
        recipe.check()


def test_the_end_of_the_search_must_be_known():
    trainer = Trainer(max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False)
    evaluator = Lightning(
        Classifier.from_settings(Search()),
        trainer,
        train_dataloaders=searches.loader(8, 0),
        val_dataloaders=searches.loader(8, 1),
    )
    strategy = DifferentiableStrategy(darts_first_order().but(tail=Deciding()))
    with pytest.raises(ConfigError, match="adds 3 epochs to those of the search, whose number is open"):
        strategy.search(tiny_space(), evaluator)
