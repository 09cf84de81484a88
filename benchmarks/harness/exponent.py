"""How a quantity grows with a size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Exponent:
    """p in quantity ~ size ** p.

    Attributes
    ----------
    fitted
        Over all sizes: least squares of the logarithms.
    smallest, largest
        Between one size and the next: where they differ much, there is no power law.
    """

    fitted: float
    smallest: float
    largest: float

    @classmethod
    def fit(cls, sizes: Sequence[float], quantities: Sequence[float]) -> Exponent:
        """From at least two sizes, all positive and ascending."""
        points = [(math.log(x), math.log(y)) for x, y in zip(sizes, quantities, strict=True)]
        local = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(points)]
        slope = statistics.linear_regression(*zip(*points, strict=True)).slope
        return cls(slope, min(local), max(local))

    def __str__(self) -> str:
        return f"{self.fitted:.2f} ({self.smallest:.2f} to {self.largest:.2f})"
