"""Columns of a layered drawing, after Sugiyama, Tagawa and Toda (1981).

Even columns hold the boxes of one rank, the odd ones between them the labels; the output, whose edges
have none, follows the last boxes directly. An edge passes through every column between its ends as a
point of its own, so neither it nor its label can meet another's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from nni_darts.draw.cell_graph import CellGraph

SWEEPS = 24


@dataclass(frozen=True)
class Layers:
    """Points of a drawing; the first ``len(graph.boxes)`` are the boxes.

    ``columns`` lists the points of each column from top to bottom, ``chains`` for each edge all its
    points from its source to its target, ``labels`` which of them carries the edge's label.
    """

    columns: list[list[int]]
    chains: list[list[int]]
    labels: dict[int, str]

    @property
    def links(self) -> list[tuple[int, int]]:
        """Pairs of points in neighbouring columns that an edge joins, left one first."""
        return [pair for chain in self.chains for pair in pairwise(chain)]


def layers_of(graph: CellGraph) -> Layers:
    """Give every box, label and passing edge its place in a column, with few crossings."""
    layers = _points(graph)
    best, fewest = [list(column) for column in layers.columns], _crossings(layers)
    for sweep in range(SWEEPS):
        _sweep(layers, rightwards=sweep % 2 == 0)
        _swap_neighbours(layers)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(column) for column in layers.columns], crossings
    layers.columns[:] = best
    return layers


def _points(graph: CellGraph) -> Layers:
    column_of = [2 * box.rank - (box.kind == "output") for box in graph.boxes]
    chains, labels = [], {}
    for edge in graph.edges:
        between = range(column_of[edge.source] + 1, column_of[edge.target])
        passing = range(len(column_of), len(column_of) + len(between))
        column_of += between
        chains.append([edge.source, *passing, edge.target])
        if edge.label is not None:
            # Next to the target: two labels a node at most, wherever its inputs come from.
            labels[passing[-1]] = edge.label
    columns: list[list[int]] = [[] for _ in range(max(column_of) + 1)]
    for point, column in enumerate(column_of):
        columns[column].append(point)
    # A cell of NAS-Bench-201 may have no operation between two ranks.
    return Layers([column for column in columns if column], chains, labels)


def _sweep(layers: Layers, rightwards: bool) -> None:
    """Sort each column by the mean place of what its points are joined to in the column before."""
    before = _neighbours(layers)[0 if rightwards else 1]
    # The two inputs keep their order, c_{k-2} above: that column is never sorted.
    order = range(1, len(layers.columns)) if rightwards else range(len(layers.columns) - 2, 0, -1)
    for index in order:
        place = _places(layers.columns[index - 1 if rightwards else index + 1])
        own = _places(layers.columns[index])
        mean = {p: sum(place[n] for n in before[p]) / len(before[p]) if before[p] else own[p] for p in own}
        layers.columns[index][:] = sorted(own, key=mean.__getitem__)


def _swap_neighbours(layers: Layers) -> None:
    """Swap neighbours of a column while that leaves fewer crossings."""
    sides = _neighbours(layers)
    place = {point: place for column in layers.columns for point, place in _places(column).items()}

    def crossings(upper: int, lower: int) -> int:
        return sum(place[a] > place[b] for side in sides for a in side[upper] for b in side[lower])

    improved = True
    while improved:
        improved = False
        for column in layers.columns[1:]:
            for index in range(len(column) - 1):
                upper, lower = column[index : index + 2]
                if crossings(lower, upper) < crossings(upper, lower):
                    column[index], column[index + 1] = lower, upper
                    place[upper], place[lower] = place[lower], place[upper]
                    improved = True


def _crossings(layers: Layers) -> int:
    """How many pairs of links between the same two columns cross."""
    _, right = _neighbours(layers)
    total = 0
    for column, after in pairwise(layers.columns):
        place = _places(after)
        ends = [[place[n] for n in right[point]] for point in column]
        total += sum(
            a > b for i, lower in enumerate(ends) for upper in ends[:i] for a in upper for b in lower
        )
    return total


def _neighbours(layers: Layers) -> tuple[defaultdict[int, list[int]], defaultdict[int, list[int]]]:
    """For each point those it is joined to on its left and on its right."""
    left: defaultdict[int, list[int]] = defaultdict(list)
    right: defaultdict[int, list[int]] = defaultdict(list)
    for start, end in layers.links:
        left[end].append(start)
        right[start].append(end)
    return left, right


def _places(column: list[int]) -> dict[int, int]:
    return {point: place for place, point in enumerate(column)}
