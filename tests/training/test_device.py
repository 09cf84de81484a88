from __future__ import annotations

import multiprocessing
from contextlib import ExitStack
from pathlib import Path

import pytest

from nni_darts.errors import ConfigError
from nni_darts.training import device
from nni_darts.training.device import Gpu, claim_device


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    """Two GPUs, the second with more free memory."""
    found = [Gpu(0, "GPU-a", 10), Gpu(1, "GPU-b", 20)]
    monkeypatch.setattr(device, "list_gpus", lambda: found)
    return found


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: float) -> None:
        raise TimeoutError

    monkeypatch.setattr(device.time, "sleep", wait)


def test_the_freest_gpu_first_and_never_twice(gpus: list[Gpu], tmp_path: Path, no_waiting: None) -> None:
    with claim_device("auto", folder=tmp_path) as first, claim_device("cuda", folder=tmp_path) as second:
        assert (first, second) == ("cuda:1", "cuda:0")
        with pytest.raises(TimeoutError), claim_device("cuda", folder=tmp_path):
            pass
    with claim_device("cuda", folder=tmp_path) as again:
        assert again == "cuda:1"


def test_sharing_begins_when_no_gpu_is_left_alone(gpus: list[Gpu], tmp_path: Path, no_waiting: None) -> None:
    with ExitStack() as stack:
        claimed = [
            stack.enter_context(claim_device("cuda", trials_per_gpu=2, folder=tmp_path)) for _ in range(4)
        ]
        assert claimed == ["cuda:1", "cuda:0", "cuda:1", "cuda:0"]
        with pytest.raises(TimeoutError), claim_device("cuda", trials_per_gpu=2, folder=tmp_path):
            pass


def test_a_gpu_by_number(gpus: list[Gpu], tmp_path: Path, no_waiting: None) -> None:
    with claim_device("cuda:0", folder=tmp_path) as claimed:
        assert claimed == "cuda:0"
        with pytest.raises(TimeoutError), claim_device("cuda:0", folder=tmp_path):
            pass
    with pytest.raises(ConfigError, match="cuda:2, but torch sees 2 GPU"), claim_device("cuda:2"):
        pass


def _claim_and_die(folder: Path, connection) -> None:
    device.list_gpus = lambda: [Gpu(0, "GPU-a", 1)]
    with claim_device("cuda", folder=folder):
        connection.send("claimed")
        connection.recv()


def test_a_claim_holds_between_processes_and_ends_with_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(device, "list_gpus", lambda: [Gpu(0, "GPU-a", 1)])
    ours, theirs = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=_claim_and_die, args=(tmp_path, theirs))
    other.start()
    assert ours.recv() == "claimed"
    waits = []

    def wait(_: float) -> None:
        waits.append(1)
        other.kill()  # no chance to clean up
        other.join()

    monkeypatch.setattr(device.time, "sleep", wait)
    with claim_device("cuda", folder=tmp_path) as claimed:
        assert claimed == "cuda:0"
    assert waits == [1]


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "list_gpus", list)
    for wish in ("auto", "cpu"):
        with claim_device(wish) as claimed:
            assert claimed == "cpu"
    for wish in ("cuda", "cuda:0"):
        with (
            pytest.raises(ConfigError, match=f"{wish}, but torch sees no GPU here; give auto or cpu"),
            claim_device(wish),
        ):
            pass


@pytest.mark.parametrize("wish", ["gpu", "cuda:x", "cpu:1", ""])
def test_unknown_wishes(wish: str) -> None:
    with pytest.raises(ConfigError, match="give auto, cpu, cuda or cuda:N"), claim_device(wish):
        pass
