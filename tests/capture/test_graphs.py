"""The calls that only CUDA has, on stand-ins: which streams wait for which, and what recordings share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from nni_darts.capture.graphs import CudaGraphs


class Stream:
    def __init__(self, log: list[Any], name: str) -> None:
        self.log, self.name = log, name

    def wait_stream(self, other: Stream) -> None:
        self.log.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    log: list[Any] = []

    @contextmanager
    def stream(chosen: Stream) -> Iterator[None]:
        log.append(f"on {chosen.name}")
        yield
        log.append(f"off {chosen.name}")

    @contextmanager
    def graph(graph: Any, pool: Any, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        log.append(("record", pool, stream.name, capture_error_mode))
        yield
        log.append("recorded")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream(log, "side"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream(log, "main"))
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    return log


def test_unrecorded_work_runs_on_the_stream_of_recordings(log: list[Any]) -> None:
    CudaGraphs(torch.device("cuda:0")).run(lambda: log.append("work"))
    assert log == ["side waits for main", "on side", "work", "off side", "main waits for side"]


def test_recordings_share_stream_and_pool(log: list[Any]) -> None:
    graphs = CudaGraphs(torch.device("cuda:0"))
    for _ in range(2):
        graphs.record(lambda: log.append("work"))
    assert log == [("record", "pool", "side", "thread_local"), "work", "recorded"] * 2
