"""What costs next to nothing, from the state as it is."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from nni_darts.diagnostics.cells import by_cell
from nni_darts.diagnostics.edges import edges
from nni_darts.diagnostics.skips import skips
from nni_darts.state import SearchState


def report(state: SearchState, sample: dict[str, Any]) -> dict[str, float]:
    """``entropy``, ``margin`` and ``skips``, of all choices and of each cell type."""
    found = edges(state)
    entropies = [(label, edge.entropy) for label, edge in found.items() if edge.entropy is not None]
    margins = [(label, edge.margin) for label, edge in found.items() if edge.margin is not None]
    return {
        **by_cell("entropy", entropies, fmean),
        **by_cell("margin", margins, fmean),
        **skips(state.structure, sample),
    }
