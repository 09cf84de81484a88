"""What records work on a device and repeats it: the only calls that need CUDA."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import torch


class Graph(Protocol):
    """A recording."""

    def replay(self) -> None:
        """Do the recorded work again, on what the recorded tensors hold now."""


class Graphs(Protocol):
    """Makes recordings. ``fused``: whether optimisers must read learning rates on the device."""

    fused: bool

    def run(self, work: Callable[[], None]) -> None:
        """Do the work now, in such a way that it could be recorded afterwards."""

    def record(self, work: Callable[[], None]) -> Graph:
        """Record the work without doing it."""


class CudaGraphs:
    """CUDA graphs of one device that share one stream and one pool of memory.

    Sharing the pool is safe because recordings are repeated one after the other and no tensor that was
    made inside one is read after it.
    """

    fused = True

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, work: Callable[[], None]) -> None:
        """On the stream that recordings are made on: autograd's leaves remember theirs, cuBLAS has one
        workspace for each."""
        before = torch.cuda.current_stream(self.device)
        self._stream.wait_stream(before)
        with torch.cuda.stream(self._stream):
            work()
        before.wait_stream(self._stream)

    def record(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        # Dead autograd graphs in reference cycles would keep leaves bound to another stream.
        gc.collect()
        graph = torch.cuda.CUDAGraph()
        # thread_local: a loader's thread that pins memory meanwhile does not spoil the recording.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            work()
        return graph
