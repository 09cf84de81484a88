"""A rule ends a search normally, with its architecture, and survives interruptions."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nni_darts.course.ending import Ending
from nni_darts.errors import Interrupted
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.schedule import WarmUp
from nni_darts.parts.stopping import Stop, Stopping
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from tests.capture import searches
from tests.methods.tiny import searched

BATCHES = 2


class At(Stopping):
    """Stops when it was asked ``times`` times, with the architecture, as it says, of ``back`` epochs ago."""

    def __init__(self, times: int, back: int = 0) -> None:
        super().__init__()
        self.times, self.back = times, back

    def __call__(self, state: Any, sample: dict[str, Any]) -> Stop | None:
        seen = self.memory.setdefault("seen", [])
        seen.append({"epoch": state.epoch, "batch": len(state.valid_batch[1])})
        epoch = state.epoch - self.back
        return Stop("enough", epoch, {**sample, "of": epoch}) if len(seen) == self.times else None

    def metrics(self) -> dict[str, float]:
        return {"asked": float(len(self.memory["seen"]))}


def test_the_search_ends_with_the_architecture_that_the_rule_names():
    rule = At(3, back=2)
    module = searched(darts_first_order().but(stopping=rule), epochs=5).oneshot_module
    assert module.trainer.current_epoch == 3
    assert module.export()["of"] == 0
    assert module.epoch_metrics()["asked"] == 3
    assert "valid_accuracy" in module.epoch_metrics()
    assert rule.memory == {}  # a recipe is shared; what one search remembers is its own


def test_only_epochs_in_which_the_architecture_moves_are_asked():
    recipe = darts_first_order().but(stopping=At(2), schedules=(WarmUp(2),))
    module = searched(recipe, epochs=6).oneshot_module
    assert [seen["epoch"] for seen in module.ending.rule.memory["seen"]] == [2, 3]
    assert module.trainer.current_epoch == 4


def test_without_a_rule_nothing_is_asked():
    ending = Ending(None)
    ending.ask(None, None)
    assert (ending.stop, ending.metrics()) == (None, {})


def search(path: Path, interrupt: int | None = None, resume: bool = False) -> dict[str, Any]:
    """Five epochs of two batches that end after the third; the last batch is smaller."""
    run = Run.create(path, "search/0", resume=resume)
    checkpoint = EpochCheckpoint(run)
    stop, count = StopOnSignal(checkpoint), iter(range(100))

    def weight_step(state: Any) -> None:
        if next(count) == interrupt:
            signal.raise_signal(signal.SIGINT)
        darts_first_order().weight_step(state)

    strategy = searches.search(
        None,
        epochs=5,
        batches=1,
        callbacks=[EpochReport(run, NullReporter()), checkpoint, stop],
        recipe_parts={"stopping": At(3, back=1), "weight_step": weight_step},
        fit={"ckpt_path": checkpoint.resume_path()},
    )
    module = strategy.oneshot_module
    table = pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="seconds").to_csv()
    state = {name: tensor.tolist() for name, tensor in module.state_dict().items()}
    return {"sample": module.export(), "ending": module.ending.state_dict(), "table": table, "state": state}


@pytest.mark.parametrize("interrupt", [0, 1, 2, 3, 4, 5])
def test_an_interrupted_search_stops_where_it_would_have(tmp_path: Path, interrupt: int):
    """Also in the validation of the last epoch (5), and when it is continued after its end."""
    whole = search(tmp_path / "whole")
    assert whole["sample"]["of"] == 1
    assert whole["ending"]["memory"]["seen"][-1] == {"epoch": 2, "batch": 2}
    with pytest.raises(Interrupted):
        search(tmp_path / "stopped", interrupt)
    assert search(tmp_path / "stopped", resume=True) == whole
    assert search(tmp_path / "stopped", resume=True) == whole
