from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from nni_darts.config.training import Retrain
from nni_darts.errors import ConfigError
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.callbacks import EpochCheckpoint
from nni_darts.training.checkpoint import KEY, network_weights, read_checkpoint
from nni_darts.training.retrain import train_network

from .conftest import TinyNetwork, make_network, train_loader


def train(run: Run, settings: Retrain, network: nn.Module | None = None, **options) -> nn.Module:
    network = network or make_network()
    train_network(network, train_loader(), None, settings, run, NullReporter(), **options)
    return network


def test_a_checkpoint_is_plain_and_rebuilds_the_network(run: Run, settings: Retrain) -> None:
    metadata = {"architecture": '{"schema": 1}', "settings": "{}"}
    network = train(run, settings, metadata=metadata)
    content = torch.load(run.checkpoint, weights_only=True)  # refuses anything but tensors and plain values
    assert content[KEY] == {**metadata, "schema": 1, "task": "retrain/0", "epochs": 3}
    copy = TinyNetwork()
    copy.load_state_dict(network_weights(read_checkpoint(run.checkpoint)))
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), network.parameters(), strict=True))


def test_another_task_s_checkpoint_is_left_out(
    run: Run, settings: Retrain, caplog: pytest.LogCaptureFixture
) -> None:
    train(run, settings)
    other = Run(run.path, "retrain/1")
    assert EpochCheckpoint(run).resume_path() == str(run.checkpoint)
    assert EpochCheckpoint(other).resume_path() is None
    assert "of task retrain/0, not of retrain/1. It is ignored" in caplog.text


def test_a_damaged_checkpoint_is_left_out(
    run: Run, settings: Retrain, caplog: pytest.LogCaptureFixture
) -> None:
    train(run, settings)
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:-500])
    assert EpochCheckpoint(run).resume_path() is None
    assert "not readable, or not a checkpoint of nni-darts. It is ignored" in caplog.text


def test_another_architecture_is_refused(run: Run, settings: Retrain) -> None:
    train(run, settings, metadata={"architecture": "A", "settings": "x"})
    assert EpochCheckpoint(run, {"architecture": "A", "settings": "y"}).resume_path()
    with pytest.raises(ConfigError, match="written for another architecture; give"):
        train(run, settings, metadata={"architecture": "B"})


def test_another_network_is_refused(run: Run, settings: Retrain) -> None:
    train(run, settings)
    before = run.checkpoint.read_bytes()
    with pytest.raises(ConfigError, match=r"another space or network \(\d+ weights have another shape"):
        train(run, settings, TinyNetwork(width=5))
    larger = TinyNetwork()
    larger.extra = nn.Linear(1, 1)
    with pytest.raises(
        ConfigError, match=r"2 weights are missing and 0 are unknown, such as _model.extra.bias"
    ):
        train(run, settings, larger)
    assert run.checkpoint.read_bytes() == before


def test_another_length_is_refused(run: Run, settings: Retrain) -> None:
    train(run, settings)
    with pytest.raises(ConfigError, match="written by a run of 3 epochs, this one has 5"):
        train(run, settings.model_copy(update={"epochs": 5}))


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


def test_a_checkpoint_never_runs_code(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({KEY: {"schema": 1}, "evil": Evil()}, run.checkpoint)
    with pytest.raises(ConfigError, match="not readable"):
        read_checkpoint(run.checkpoint)
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "there is no such file"), ({"state_dict": {}}, "not a checkpoint of nni-darts with schema 1")],
)
def test_not_a_checkpoint(tmp_path: Path, content: object, sentence: str) -> None:
    if content is not None:
        torch.save(content, tmp_path / "file.ckpt")
    with pytest.raises(ConfigError, match=sentence):
        read_checkpoint(tmp_path / "file.ckpt")
