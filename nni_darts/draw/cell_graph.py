"""A cell as a graph of boxes in ranks from left to right, joined by edges that may carry a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nni_darts.genotype.nasbench201 import EDGES, NODES
from nni_darts.genotype.prune import NONE

if TYPE_CHECKING:
    from nni_darts.genotype import BenchmarkCell


@dataclass(frozen=True)
class Box:
    """One rectangle: its text, what it stands for (``input``, ``node``, ``output``), and its rank."""

    text: str
    kind: str
    rank: int


@dataclass(frozen=True)
class Edge:
    """From one box to another of higher rank, by their positions in the list of boxes."""

    source: int
    target: int
    label: str | None = None


@dataclass(frozen=True)
class CellGraph:
    """Boxes in the order of the cell's states, the output last, and their edges."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def cell_graph(pairs: Sequence[tuple[str, int]], concat: Sequence[int]) -> CellGraph:
    """The graph of a cell given as a genotype does: two (operation, input) pairs a node.

    Edges of ``none`` are left out, and nodes that nothing enters or leaves. A box's rank is the length of the
    longest way to it, so every edge points to the right.
    """
    boxes = [Box("c_{k-2}", "input", 0), Box("c_{k-1}", "input", 0)]
    place = {0: 0, 1: 1}  # of a state among the boxes
    read = {*concat, *(source for name, source in pairs if name != NONE)}
    edges = []
    for first in range(0, len(pairs), 2):
        state, target = 2 + first // 2, len(boxes)
        incoming = [(name, place[source]) for name, source in pairs[first : first + 2] if name != NONE]
        if not incoming and state not in read:
            continue
        edges += [Edge(source, target, name) for name, source in incoming]
        rank = 1 + max((boxes[source].rank for _, source in incoming), default=0)
        place[state] = target
        boxes.append(Box(str(state - 2), "node", rank))
    output = len(boxes)
    edges += [Edge(place[state], output) for state in concat]
    boxes.append(Box("c_{k}", "output", 1 + max(box.rank for box in boxes)))
    return CellGraph(tuple(boxes), tuple(edges))


def benchmark_graph(cell: BenchmarkCell) -> CellGraph:
    """The graph of a cell of NAS-Bench-201: edges of ``none`` are left out, the last state is the output."""
    edges = [
        Edge(source, node, name)
        for (source, node), name in zip(EDGES, cell.operations, strict=True)
        if name != NONE
    ]
    boxes = [Box("c_{k-1}", "input", 0)]
    for node in range(1, NODES):
        incoming = [boxes[edge.source].rank for edge in edges if edge.target == node]
        boxes.append(Box(str(node), "node", 1 + max(incoming, default=0)))
    output = Box("c_{k}", "output", 1 + max(box.rank for box in boxes))
    return CellGraph((*boxes, output), (*edges, Edge(NODES - 1, NODES)))
