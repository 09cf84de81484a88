"""A rule sends a search back: everything is as it was then, and interruptions change nothing."""

from __future__ import annotations

import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from nni_darts.capture import step
from nni_darts.errors import Interrupted, RunError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.stopping import Return, Stopping
from nni_darts.parts.weight_decay import ScaledDecay
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.stages.search import AlphaHistory
from nni_darts.supernet.fused import nodes
from nni_darts.training.callbacks import EpochCheckpoint, EpochReport, StopOnSignal
from nni_darts.training.checkpoint import read_checkpoint
from tests.capture import searches
from tests.capture.fakes import Tape

WAY = [0, 1, 2, 1, 2, 3, 2, 3, 4]
"""Epochs in the order in which they are run where 2 leads back to after 0, then 3 back to after 1."""


class Back(Stopping):
    """Goes back after the asks and to the epochs of ``plan``; later returns have their own entries."""

    may_return = True

    def __init__(self, *plan: tuple[int, int]) -> None:
        super().__init__()
        self.plan = list(plan)

    def __call__(self, state: Any, sample: dict[str, Any]) -> Return | None:
        seen = self.memory.setdefault("seen", [])
        seen.append(state.epoch)
        plan = self.plan[state.returns :]
        return Return("the plan", plan[0][1]) if plan and state.epoch == plan[0][0] else None

    def needs(self, state: Any) -> Collection[int]:
        return self.memory["seen"] if self.plan[state.returns :] else ()


TWICE = ((2, 0), (3, 1))


def search(
    path: Path,
    plan: tuple[tuple[int, int], ...] = TWICE,
    growth: float = 10.0,
    interrupt: int | None = None,
    resume: bool = False,
    in_folder: bool = True,
    order: int = 1,
    graphs: Any = None,
) -> dict[str, Any]:
    """Five epochs of two batches, the last one smaller; what they leave."""
    run = Run.create(path, "search/0", resume=resume)
    checkpoint = EpochCheckpoint(run)
    count = iter(range(100))

    def weight_step(state: Any) -> None:
        if next(count) == interrupt:
            signal.raise_signal(signal.SIGINT)
        darts_first_order().weight_step(state)

    schedules = (ScaledDecay(growth=growth),) if growth > 1 else ()
    parts: dict[str, Any] = {"stopping": Back(*plan), "schedules": schedules}
    if graphs is None:
        parts["weight_step"] = weight_step
    strategy = searches.search(
        graphs,
        epochs=5,
        batches=1,
        order=order,
        callbacks=[AlphaHistory(run), EpochReport(run, NullReporter()), checkpoint, StopOnSignal(checkpoint)],
        recipe_parts=parts,
        settings={"weight_decay": 1e-2},
        fit={"ckpt_path": checkpoint.resume_path()},
        snapshots=run.snapshots if in_folder else None,
    )
    module = strategy.oneshot_module
    found = searches.outcome(strategy)
    tables = {
        name: pd.read_csv(path / f"{name}.csv", dtype=str).drop(columns="seconds", errors="ignore").to_csv()
        for name in ("metrics", "alphas", "mixture")
    }
    return {**found, "tables": tables, "returns": module.rollback.returns, "sample": module.export()}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return searches.largest_difference(first, second) == 0


def test_going_back_without_a_change_is_not_going_back_to_the_bit(tmp_path: Path, monkeypatch):
    """Weights, statistics, architecture, both optimisers, learning rates and data are those of then.

    An epoch takes two passes over the images of the architecture. Of two plans one goes back to the same
    state twice, the other to the epoch before the one that has just been run.
    """
    loader = searches.loader
    monkeypatch.setattr(searches, "loader", lambda count, seed: loader(4 if seed else count, seed))
    plain = search(tmp_path / "plain", plan=(), growth=1)
    for name, plan, in_folder in (("twice", ((2, 0), (2, 0)), False), ("once", ((2, 1),), True)):
        back = search(tmp_path / name, plan=plan, growth=1, in_folder=in_folder)
        for key in ("state", "optimizers", "groups", "sample"):
            assert searches.largest_difference(plain[key], back[key]) == 0
        metrics = pd.read_csv(tmp_path / name / "metrics.csv").drop(columns="seconds")
        for _, rows in metrics.drop(columns="attempt").groupby("epoch"):
            assert len(rows.drop_duplicates()) == 1


def test_what_was_run_twice_stays_in_the_tables(tmp_path: Path):
    found = search(tmp_path / "run")
    for name in ("metrics", "alphas", "mixture"):
        table = pd.read_csv(tmp_path / "run" / f"{name}.csv")
        epochs = table[["attempt", "epoch"]].drop_duplicates()
        assert epochs["epoch"].tolist() == WAY
        assert epochs["attempt"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert [(r["after"], r["to"]) for r in found["returns"]] == [(2, 0), (3, 1)]
    assert found["groups"][0][0]["weight_decay"] == pytest.approx(1.0)
    rates = pd.read_csv(tmp_path / "run" / "metrics.csv").groupby("epoch")["lr"]
    assert rates.nunique().tolist() == [1] * 5  # of the epoch, whichever attempt it is
    assert rates.first().is_monotonic_decreasing
    assert not list((tmp_path / "run" / "snapshots").glob("*"))  # no return is left


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Any]:
    return search(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize(
    ("interrupt", "in_folder"), [(4, True), (5, False), (6, True), (11, True), (12, False)]
)
def test_an_interrupted_search_comes_to_the_same(tmp_path: Path, whole, interrupt: int, in_folder: bool):
    """Before a return (4), in the validation before one (5, 11), and in the epoch after one (6, 12)."""
    with pytest.raises(Interrupted):
        search(tmp_path / "run", interrupt=interrupt, in_folder=in_folder)
    torch.manual_seed(99)
    assert same(search(tmp_path / "run", resume=True, in_folder=in_folder), whole)


class Killed(Exception):
    pass


@pytest.mark.parametrize("where", ["before", "during", "after"])
def test_a_search_killed_around_a_return_comes_to_the_same(tmp_path: Path, monkeypatch, whole, where: str):
    """During: the state is restored, but no checkpoint tells of it. After: nothing but the checkpoint."""
    from nni_darts.course import rollback

    original = rollback._put_back

    def put_back(search: Any, content: Any) -> None:
        if where == "during":
            original(search, content)
        raise Killed

    def save(self: EpochCheckpoint, trainer: Any) -> None:
        trainer.save_checkpoint(self.run.checkpoint, weights_only=False)
        if trainer.lightning_module.rollback.attempt:
            raise Killed

    with monkeypatch.context() as patch:
        if where == "after":
            patch.setattr(EpochCheckpoint, "save", save)
        else:
            patch.setattr(rollback, "_put_back", put_back)
        with pytest.raises(Killed):
            search(tmp_path / "run")
    assert same(search(tmp_path / "run", resume=True), whole)


def test_snapshots_are_files_of_tensors_and_the_checkpoint_is_free_of_them(tmp_path: Path):
    with pytest.raises(Interrupted):
        search(tmp_path / "run", interrupt=5)
    folder = tmp_path / "run" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-0000.ckpt", "epoch-0001.ckpt"]
    content = torch.load(folder / "epoch-0001.ckpt", weights_only=True)
    assert content["memory"] == {"seen": [0, 1]}
    assert read_checkpoint(tmp_path / "run" / "last.ckpt")["rollback"]["snapshots"] == {}
    with pytest.raises(Interrupted):
        search(tmp_path / "memory", interrupt=5, in_folder=False)
    assert set(read_checkpoint(tmp_path / "memory" / "last.ckpt")["rollback"]["snapshots"]) == {0, 1}
    # What a checkpoint brings along goes into a folder that the search has now.
    search(tmp_path / "memory", resume=True)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(RunError, match="must go back to the end of epoch 0, whose state is not there as"):
        search(tmp_path / "run", resume=True)


def test_recorded_steps_go_back_too(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    tape = Tape(fused=False)
    taped = search(tmp_path / "taped", growth=1, graphs=tape)
    assert sum(recording.replays for recording in tape.tapes) > 0
    plain = search(tmp_path / "plain", plan=(), growth=1)
    assert searches.largest_difference(plain["state"], taped["state"]) < 1e-4
