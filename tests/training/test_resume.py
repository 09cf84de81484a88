"""A training that was stopped anywhere and started again ends in the same bytes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from nni_darts.config.training import Retrain
from nni_darts.errors import Interrupted
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.checkpoint import read_checkpoint
from nni_darts.training.retrain import train_network

from .conftest import make_network, train_loader, valid_loader

BATCHES, VALID_BATCHES = 4, 3  # an epoch


class PowerCut(BaseException):
    """Ends the process's work without any chance to save."""


def at(number: int, action: Callable[[], None]) -> Callable[[int], None]:
    return lambda current: action() if current == number else None


def train(
    path: Path,
    settings: Retrain,
    in_train: Callable[[int], None] = lambda _: None,
    in_valid: Callable[[int], None] | None = lambda _: None,
    resume: bool = False,
) -> dict[str, float]:
    run = Run.create(path, "retrain/0", resume=resume)
    torch.manual_seed(99 if resume else 7)  # the state before training must not matter
    validation = None if in_valid is None else valid_loader(in_valid)
    return train_network(make_network(), train_loader(in_train), validation, settings, run, NullReporter())


def outcome(path: Path) -> tuple:
    checkpoint = read_checkpoint(path / "last.ckpt")
    table = pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="seconds")
    momentum = [s["momentum_buffer"] for s in checkpoint["optimizer_states"][0]["state"].values()]
    return (
        (path / "model.safetensors").read_bytes(),
        table.to_csv(),
        [tensor.numpy().tobytes() for tensor in [*checkpoint["state_dict"].values(), *momentum]],
        checkpoint["lr_schedulers"],
        [checkpoint["random_state"]["torch"].tolist(), checkpoint["random_state"]["python"]],
    )


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def cut() -> None:
    raise PowerCut


@pytest.mark.parametrize(
    ("place", "in_train", "in_valid"),
    [
        ("first batch of all", at(0, interrupt), None),
        ("middle of the first epoch", at(1, terminate), None),
        ("middle of a later epoch", at(BATCHES + 2, interrupt), None),
        ("last but one batch", at(2 * BATCHES - 2, interrupt), None),
        ("last batch of an epoch", at(2 * BATCHES - 1, terminate), None),
        ("last batch of all", at(3 * BATCHES - 1, interrupt), None),
        ("first batch of the validation", None, at(VALID_BATCHES, interrupt)),
        ("middle of the validation", None, at(VALID_BATCHES + 1, terminate)),
        ("end of the validation", None, at(2 * VALID_BATCHES - 1, interrupt)),
        ("killed in the second epoch", at(BATCHES + 2, cut), None),
        ("killed in the validation", None, at(2 * VALID_BATCHES, cut)),
    ],
)
def test_bit_identical(
    tmp_path: Path,
    settings: Retrain,
    place: str,
    in_train: Callable[[int], None] | None,
    in_valid: Callable[[int], None] | None,
) -> None:
    metrics = train(tmp_path / "whole", settings)
    nothing = lambda _: None  # noqa: E731
    with pytest.raises((Interrupted, PowerCut)):
        train(tmp_path / "stopped", settings, in_train or nothing, in_valid or nothing)
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    assert train(tmp_path / "stopped", settings, resume=True) == metrics
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("number", [1, BATCHES - 1, 2 * BATCHES - 1, 2 * BATCHES])
def test_bit_identical_without_validation(tmp_path: Path, settings: Retrain, number: int) -> None:
    metrics = train(tmp_path / "whole", settings, in_valid=None)
    with pytest.raises(Interrupted):
        train(tmp_path / "stopped", settings, at(number, interrupt), None)
    assert train(tmp_path / "stopped", settings, in_valid=None, resume=True) == metrics
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_stopped_again_and_again(tmp_path: Path, settings: Retrain) -> None:
    train(tmp_path / "whole", settings)
    stops = 0
    while True:
        try:
            train(tmp_path / "stopped", settings, at(1, interrupt), resume=stops > 0)
        except Interrupted:
            stops += 1
            continue
        break
    assert stops > 4
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_a_finished_run_started_again_trains_nothing(tmp_path: Path, settings: Retrain) -> None:
    metrics = train(tmp_path / "whole", settings)
    before = outcome(tmp_path / "whole")

    def forbidden(_: int) -> None:
        raise AssertionError("a batch was trained")

    assert train(tmp_path / "whole", settings, forbidden, resume=True) == metrics
    assert outcome(tmp_path / "whole") == before


def test_a_work_saving_stop_costs_no_batch_twice(tmp_path: Path, settings: Retrain) -> None:
    seen: list[int] = []
    with pytest.raises(Interrupted):
        train(tmp_path / "run", settings, at(BATCHES + 1, interrupt))
    train(tmp_path / "run", settings, seen.append, resume=True)
    assert len(seen) == 3 * BATCHES - (BATCHES + 2)


def test_a_stop_in_validation_trains_no_batch_again(tmp_path: Path, settings: Retrain) -> None:
    seen: list[int] = []
    with pytest.raises(Interrupted, match="in the validation of epoch 1"):
        train(tmp_path / "run", settings, in_valid=at(VALID_BATCHES + 1, interrupt))
    train(tmp_path / "run", settings, seen.append, resume=True)
    assert len(seen) == BATCHES


def test_handlers_are_given_back(tmp_path: Path, settings: Retrain) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted):
        train(tmp_path / "stopped", settings, at(1, interrupt))
    train(tmp_path / "whole", settings)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
