"""How many skip connections the derived architecture has: their dominance is DARTS's known failure."""

from __future__ import annotations

from typing import Any

from nni_darts.diagnostics.cells import by_cell
from nni_darts.parts.paths import Path
from nni_darts.supernet.structure import Structure

SKIP = "skip_connect"


def skips(structure: Structure, sample: dict[str, Any]) -> dict[str, float]:
    """``skips`` of all that a sample keeps, and ``skips/<cell>`` of each cell type."""
    kept = Path.of(structure, sample).kept()
    return by_cell("skips", ((label, float(value == SKIP)) for label, value in kept), sum)
