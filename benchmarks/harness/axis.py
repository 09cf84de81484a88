"""A size of the case that is varied while the others stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.harness.case import Case

OPERATIONS = (
    *("skip_connect", "sep_conv_3x3", "max_pool_3x3", "dil_conv_3x3"),
    *("avg_pool_3x3", "sep_conv_5x5", "none", "dil_conv_5x5"),
)
"""In an order in which every two more are one convolution and one operation without weights."""


@dataclass(frozen=True)
class Axis:
    """A field of the case and the values it takes."""

    name: str
    values: tuple[int, ...]

    def cases(self, base: Case) -> list[Case]:
        """``base`` with each of the values."""
        return [base.but(**self._change(value)) for value in self.values]

    def _change(self, value: int) -> dict[str, Any]:
        if self.name == "operations":
            return {"primitives": OPERATIONS[:value]}
        return {self.name: value}


AXES = {
    axis.name: axis
    for axis in (
        Axis("channels", (4, 8, 16, 32)),
        Axis("layers", (3, 5, 8, 12)),
        Axis("batch", (4, 8, 16, 32)),
        Axis("nodes", (2, 3, 4, 5)),
        Axis("operations", (2, 4, 6, 8)),
    )
}
