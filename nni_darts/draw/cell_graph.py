"""A cell as a graph of boxes in ranks from left to right, joined by edges that may carry a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nni_darts.genotype.cell import CONVOLUTIONAL_FORM, RECURRENT, RECURRENT_FORM, CellForm
from nni_darts.genotype.nasbench201 import EDGES, NODES
from nni_darts.genotype.prune import NONE

if TYPE_CHECKING:
    from nni_darts.genotype import BenchmarkCell
    from nni_darts.genotype.genotype import CellGenotype


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
    """The graph of a normal or reduction cell given as a genotype does: two (operation, input) pairs a node.

    Edges of ``none`` are left out, and nodes that nothing enters or leaves. A box's rank is the length of the
    longest way to it, so every edge points to the right.
    """
    inputs = [Box("c_{k-2}", "input", 0), Box("c_{k-1}", "input", 0)]
    return _grown(CellGraph(tuple(inputs), ()), 0, CONVOLUTIONAL_FORM, pairs, concat, "c_{k}")


def recurrent_graph(pairs: Sequence[tuple[str, int]], concat: Sequence[int]) -> CellGraph:
    """The graph of a recurrent cell: state 0 comes from token and hidden state, every node from one state."""
    boxes = (Box("x_{t}", "input", 0), Box("h_{t-1}", "input", 0), Box("0", "node", 1))
    begun = CellGraph(boxes, (Edge(0, 2), Edge(1, 2)))
    return _grown(begun, 2, RECURRENT_FORM, pairs, concat, "h_{t}")


def genotype_graph(genotype: CellGenotype, cell: str) -> CellGraph:
    """The graph of one cell of a genotype."""
    draw = recurrent_graph if cell == RECURRENT else cell_graph
    return draw(genotype.edges(cell), genotype.concat(cell))


def _grown(
    begun: CellGraph,
    first: int,
    form: CellForm,
    pairs: Sequence[tuple[str, int]],
    concat: Sequence[int],
    output: str,
) -> CellGraph:
    """With the nodes and the output; box ``first`` is state 0."""
    boxes, edges = list(begun.boxes), list(begun.edges)
    named = sum(box.kind == "node" for box in boxes)  # as in the paper's figures, blue boxes count from 0
    place = {state: first + state for state in range(form.inputs)}  # of a state among the boxes
    read = {*concat, *(source for name, source in pairs if name != NONE)}
    for start in range(0, len(pairs), form.taken):
        state, target = form.node(start), len(boxes)
        taken = pairs[start : start + form.taken]
        incoming = [(name, place[source]) for name, source in taken if name != NONE]
        if not incoming and state not in read:
            continue
        edges += [Edge(source, target, name) for name, source in incoming]
        rank = 1 + max((boxes[source].rank for _, source in incoming), default=0)
        place[state] = target
        boxes.append(Box(str(named + start // form.taken), "node", rank))
    edges += [Edge(place[state], len(boxes)) for state in concat]
    boxes.append(Box(output, "output", 1 + max(box.rank for box in boxes)))
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
