"""One quantity compared with its reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

#: What a second implementation reaches in float64, with a margin (README of the fixtures).
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Comparison:
    """Name of a quantity, its error and the error allowed."""

    name: str
    error: float
    tolerance: float = TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the tolerance."""
        return not math.isnan(self.error) and self.error <= self.tolerance


def close(name: str, got: Tensor, want: Tensor, tolerance: float = TOLERANCE) -> Comparison:
    """Compare by max|got - want| / max|want| over the array; infinite where the shapes differ.

    An all-zero reference is compared absolutely.
    """
    if got.shape != want.shape:
        return Comparison(name, math.inf, tolerance)
    if want.numel() == 0:
        return Comparison(name, 0.0, tolerance)
    scale = float(want.abs().max())
    return Comparison(name, float((got.detach() - want).abs().max()) / (scale or 1.0), tolerance)


def exact(name: str, got: Sequence[Any], want: Sequence[Any]) -> Comparison:
    """Compare entry by entry; the error is the number of entries that differ."""
    different = sum(a != b for a, b in zip(got, want, strict=False)) + abs(len(got) - len(want))
    return Comparison(name, float(different), 0.0)
