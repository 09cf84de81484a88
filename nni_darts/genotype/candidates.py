"""Which operations an edge of the built-in cell spaces may have, known without building any.

S1 to S4 are the spaces on which DARTS fails (Zela et al., "Understanding and Robustifying Differentiable
Architecture Search", ICLR 2020; ``spaces.py`` of automl/RobustDARTS): S1 takes for every edge the two best
operations of a search on the whole space, S2 to S4 the same few on every edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from nni_darts.genotype.cell import CELLS
from nni_darts.genotype.names import ACTIVATIONS, PRIMITIVES

Operations = tuple[str, ...]
Edge = tuple[int, int]
"""From state (0 and 1 are the cell's inputs) to node (the first is 2)."""

CellCandidates = Mapping[str, Mapping[Edge, Operations]]
"""Cell type -> edge -> candidates, in the order of the columns of the edge's architecture parameters."""

ROBUST_NODES = 4
"""Nodes of a cell in S1 to S4."""

_NONE, _SKIP, _NOISE = "none", "skip_connect", "noise"
_MAX, _AVG = "max_pool_3x3", "avg_pool_3x3"
_SEP3, _DIL3, _DIL5 = "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"

#: Rows by node, in each row the edges from states 0, 1, 2, ...
_S1: dict[str, tuple[tuple[Operations, ...], ...]] = {
    "normal": (
        ((_SKIP, _DIL3), (_SKIP, _DIL5)),
        ((_SKIP, _DIL5), (_SKIP, _SEP3), (_SKIP, _DIL3)),
        ((_MAX, _SKIP), (_SKIP, _SEP3), (_SKIP, _SEP3), (_SKIP, _DIL3)),
        ((_SKIP, _SEP3), (_MAX, _SKIP), (_SKIP, _DIL3), (_DIL3, _DIL5), (_DIL3, _DIL5)),
    ),
    "reduce": (
        ((_MAX, _AVG), (_MAX, _DIL3)),
        ((_MAX, _AVG), (_MAX, _AVG), (_SKIP, _DIL5)),
        ((_MAX, _AVG), (_MAX, _SEP3), (_SKIP, _DIL3), (_SKIP, _DIL5)),
        ((_MAX, _AVG), (_MAX, _AVG), (_SKIP, _DIL5), (_SKIP, _DIL5), (_SKIP, _DIL5)),
    ),
}


def everywhere(operations: Operations, nodes: int) -> CellCandidates:
    """The same candidates on every edge of cells with so many nodes."""
    edges = {(source, node): operations for node in range(2, 2 + nodes) for source in range(node)}
    return dict.fromkeys(CELLS, edges)


def _by_edge(rows: tuple[tuple[Operations, ...], ...]) -> Mapping[Edge, Operations]:
    return dict(
        chain.from_iterable(
            (((source, node), operations) for source, operations in enumerate(row))
            for node, row in enumerate(rows, start=2)
        )
    )


ROBUST: dict[str, CellCandidates] = {
    "s1": {cell: _by_edge(rows) for cell, rows in _S1.items()},
    "s2": everywhere((_SKIP, _SEP3), ROBUST_NODES),
    "s3": everywhere((_NONE, _SKIP, _SEP3), ROBUST_NODES),
    "s4": everywhere((_NOISE, _SEP3), ROBUST_NODES),
}

DARTS_RNN = "darts_rnn"

CELL_SPACES = ("darts", *ROBUST, DARTS_RNN)
"""Built-in spaces whose architectures are genotypes: of a normal and a reduction cell, or a recurrent one."""


def candidates(space: str, cell: str, edge: Edge) -> Operations:
    """Candidates of one edge of a built-in cell space; none where the space has no such edge."""
    if space in ROBUST:
        return ROBUST[space][cell].get(edge, ())
    return ACTIVATIONS if space == DARTS_RNN else PRIMITIVES


def inert(operations: Operations) -> str:
    """What an edge that was not chosen holds in a sample: "no connection" if that can be said."""
    return _NONE if _NONE in operations or not operations else operations[0]
