"""Times of several steps, taken in turns, and the ratios between them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from benchmarks.harness.held import Step


class Stopwatch(Protocol):
    """Seconds that one call takes."""

    def __call__(self, step: Step) -> float: ...


@dataclass(frozen=True)
class Clocked:
    """Reads a clock before and after."""

    clock: Callable[[], float]

    def __call__(self, step: Step) -> float:
        start = self.clock()
        step()
        return self.clock() - start


def cuda_seconds(step: Step) -> float:
    """By events on an idle device: launching counts where the device waits for it."""
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    step()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000


def stopwatch(device: str, threads: int) -> tuple[Stopwatch, str]:
    """How steps are timed on this device, and what to call it."""
    if device.startswith("cuda"):
        return cuda_seconds, "CUDA events"
    if threads == 1:
        # Other programs on the machine do not count.
        return Clocked(time.process_time), "processor seconds of the process"
    return Clocked(time.perf_counter), "wall seconds"


@dataclass(frozen=True)
class Ratio:
    """Of a peer's time to ours: the median over the rounds, the smallest and the largest."""

    median: float
    smallest: float
    largest: float


@dataclass
class Times:
    """Seconds of each contender: of its first step, and of one step in every round."""

    first: dict[str, float] = field(default_factory=dict)
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def ratio(self, peer: str, ours: str) -> Ratio:
        """Of the two times of a same round, so that what slows a whole round down drops out."""
        ratios = [a / b for a, b in zip(self.rounds[peer], self.rounds[ours], strict=True)]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def interleave(
    steps: Mapping[str, Step], repeats: int, seconds: Stopwatch, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of each step in every round A B C A B C, after ``warm_up`` rounds that do not count."""
    rounds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(-warm_up, repeats):
        for name, step in steps.items():
            taken = seconds(step)
            if number >= 0:
                rounds[name].append(taken)
    return rounds
