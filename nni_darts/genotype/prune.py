"""A genotype without what ``none`` leaves empty."""

from __future__ import annotations

from nni_darts.genotype.cell import CELLS, Edge
from nni_darts.genotype.genotype import Genotype

NONE = "none"


def pruned(genotype: Genotype) -> Genotype:
    """The same function with fewer weights: empty nodes are neither read nor concatenated.

    A node is empty where all its operations are ``none``, or read empty nodes only. Its channels would be
    zeros, which later cells can only multiply with weights that never learn. FairDARTS's networks are built
    like this (``DCOCell`` of its authors: a cell of three nodes is three nodes wide). A cell whose output
    would vanish keeps it, as zeros.
    """
    cells: dict[str, tuple[Edge, ...]] = {}
    concats: dict[str, tuple[int, ...]] = {}
    for cell in CELLS:
        edges, concat = genotype.edges(cell), genotype.concat(cell)
        filled = {0, 1}
        kept: list[Edge] = []
        for position, (name, source) in enumerate(edges):
            carries = name != NONE and source in filled
            kept.append((name if carries else NONE, source))
            if position % 2 and any(operation != NONE for operation, _ in kept[-2:]):
                filled.add(2 + position // 2)
        cells[cell] = tuple(kept)
        concats[cell] = tuple(state for state in concat if state in filled) or concat
    return Genotype(cells["normal"], concats["normal"], cells["reduce"], concats["reduce"])
