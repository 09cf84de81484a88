"""Kernels and launches of a step on a GPU, from the profiler."""

from __future__ import annotations

from dataclasses import dataclass

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
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        step()
        torch.cuda.synchronize()
    events = profiler.events()
    return Launches(
        kernels=sum(event.device_type == DeviceType.CUDA and _is_kernel(event.name) for event in events),
        calls=sum(
            event.device_type == DeviceType.CPU and event.name.startswith(LAUNCHES) for event in events
        ),
    )


def _is_kernel(name: str) -> bool:
    return not name.startswith(("Memcpy", "Memset", "Optimizer.", "ProfilerStep", "Activity Buffer"))
