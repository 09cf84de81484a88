"""Kernels and launches of a step on a GPU, from the profiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.harness.held import Step

LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemsetAsync")


@dataclass(frozen=True)
class Launches:
    """``kernels`` that ran on the device, and ``calls`` of the driver that started them: 1 for a graph."""

    kernels: int
    calls: int


def launches(step: Step) -> Launches:
    """Of one step."""
    # Without the CPU's own events, of which the authors' second order has half a million.
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        step()
        torch.cuda.synchronize()
    results: Any = profiler.profiler
    names: dict[DeviceType, list[str]] = {DeviceType.CUDA: [], DeviceType.CPU: []}
    for event in results.kineto_results.events():
        names[event.device_type()].append(event.name())
    return Launches(
        kernels=sum(map(_is_kernel, names[DeviceType.CUDA])),
        calls=sum(name.startswith(LAUNCHES) for name in names[DeviceType.CPU]),
    )


def _is_kernel(name: str) -> bool:
    return not name.startswith(("Memcpy", "Memset", "Optimizer.", "ProfilerStep", "Activity Buffer"))
