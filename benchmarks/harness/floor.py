"""The least time a step could take on this machine for the arithmetic and the traffic it asks for."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmarks.harness.counts import Counts
from benchmarks.harness.timing import Stopwatch

_SIDE = {"cpu": 1024, "cuda": 8192}
_COPIED = {"cpu": 2**27, "cuda": 2**30}
_TRIES = 7


@dataclass(frozen=True)
class Rates:
    """Measured here: FLOP/s of a large matrix product in the case's number format, bytes/s of a copy."""

    matrix: float
    copy: float

    def floor(self, counts: Counts) -> float:
        """Seconds that the larger of the two takes at full rate, the other hidden behind it."""
        return max(counts.flops / self.matrix, counts.bytes / self.copy)


def measure(device: str, dtype: str, seconds: Stopwatch) -> Rates:
    """The best of several tries of each, by the stopwatch that times the steps."""
    kind = device.partition(":")[0]
    side, size = _SIDE[kind], _COPIED[kind]
    left, right = (torch.randn(side, side, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    product = torch.empty_like(left)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)

    def multiply() -> None:
        torch.mm(left, right, out=product)

    def copy() -> None:
        target.copy_(source)

    multiply()
    copy()
    return Rates(
        matrix=2 * side**3 / min(seconds(multiply) for _ in range(_TRIES)),
        copy=2 * size / min(seconds(copy) for _ in range(_TRIES)),
    )
