"""The most memory that was in use at once, from the allocator's own count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.profiler import profile


@dataclass
class HighWater:
    """``bytes`` above what was in use at the beginning; known once the context has ended."""

    bytes: int = 0


@contextmanager
def high_water(device: torch.device | str) -> Iterator[HighWater]:
    """Watch a device's allocator: deterministic, unlike the size of a process.

    On a GPU this resets torch's own peak statistics; on a CPU it profiles, which costs time.
    """
    device, found = torch.device(device), HighWater()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield found
        found.bytes = torch.cuda.max_memory_allocated(device) - before
        return
    # Otherwise the profiler's library writes its own progress to standard error.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    with profile(use_kineto=True, profile_memory=True) as profiler:
        yield found
    found.bytes = _most_at_once(profiler)


def _most_at_once(profiler: profile) -> int:
    results: Any = profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()  # negative where memory is given back
        most = max(most, now)
    return most
