"""Which implementation every cell of a supernet gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from nni_darts.explain.explanation import listed
from nni_darts.supernet.fused.nodes import FusedNodes
from nni_darts.supernet.recurrent.sequence import FusedSequence


@dataclass(frozen=True)
class CellFact:
    """How a cell is computed.

    Attributes
    ----------
    implementation
        ``fused`` or ``generic``.
    why
        Of a generic cell; empty where the settings ask for it.
    left
        Edges of a fused cell that are computed as they are: ``"0 to 2"``, with the reason.
    """

    implementation: str
    why: str = ""
    edges: int = 0
    left: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "implementation": self.implementation,
            "why": self.why,
            "edges": self.edges,
            "generic_edges": [{"edge": edge, "why": why} for edge, why in self.left],
        }

    def lines(self, names: list[str]) -> Iterator[str]:
        """About all the cells that are computed so."""
        said = f"{listed(names)}: {self.implementation}"
        if self.implementation == "generic":
            yield said + (f", {self.why}" if self.why else "")
            return
        yield f"{said}, {self.edges - len(self.left)} of {self.edges} edges"
        for edge, why in self.left:
            yield f"  edge {edge} is left to the generic path: {why}"


def cells_of(supernet: nn.Module) -> dict[str, CellFact]:
    """By name, after a forward, which shows what stands in the way of it.

    Cells are modules that declare their edges; of others there is nothing to tell.
    """
    return {
        name: _fact(module)
        for name, module in supernet.named_modules()
        if _way(module) is not None and isinstance(getattr(module, "edges", None), nn.ModuleDict)
    }


def _fact(cell: Any) -> CellFact:
    way, edges = _way(cell), len(cell.edges)
    if not isinstance(way, FusedNodes | FusedSequence):
        return CellFact("generic", edges=edges)
    if way.refused:
        return CellFact("generic", "; ".join(way.refused), edges)
    left = tuple((f"{source} to {target}", why) for (source, target), why in sorted(way.left.items()))
    return CellFact("fused", edges=edges, left=left)


def _way(module: nn.Module) -> Any:
    """What computes the nodes of a cell, or the time steps of a recurrent one."""
    return getattr(module, "node_states", None) or getattr(module, "sequence", None)


def grouped(cells: dict[str, CellFact]) -> dict[CellFact, list[str]]:
    """Names of the cells that are computed alike."""
    groups: dict[CellFact, list[str]] = {}
    for name, fact in cells.items():
        groups.setdefault(fact, []).append(name)
    return groups
