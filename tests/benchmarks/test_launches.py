"""The profiler's kernels and launches, where there is a GPU."""

from __future__ import annotations

import pytest
import torch

from benchmarks.harness.launches import launches


@pytest.mark.skipif(not torch.cuda.is_available(), reason="kernels are launched on GPUs")
def test_a_graph_is_one_launch_of_its_kernels():
    x = torch.ones(1000, device="cuda")
    x.add_(1).mul_(2)
    eager = launches(lambda: x.add_(1).mul_(2))
    assert (eager.kernels, eager.calls) == (2, 2)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        x.add_(1).mul_(2)
    captured = launches(graph.replay)
    assert (captured.kernels, captured.calls) == (2, 1)
