"""Sizes and positions, in inches, of everything in the drawing of one cell."""

from __future__ import annotations

from dataclasses import dataclass

from nni_darts.draw.cell_graph import CellGraph
from nni_darts.draw.heights import heights_of
from nni_darts.draw.layers import Layers, layers_of

BOX_FONT, LABEL_FONT = 12, 10  # points
BOX_HEIGHT, BOX_PADDING, PORT = 0.42, 0.24, 0.15
LABEL_HEIGHT, LABEL_PADDING = 0.18, 0.2
# An edge that passes by is as thin as a line, the space around it comes from the gap.
PASSING_HEIGHT, VERTICAL_GAP, MARGIN = 0.04, 0.15, 0.12
# Between two columns an edge climbs; the gap widens with the climb so that no curve gets too steep.
LEAST_GAP, MOST_GAP, GAP_PER_CLIMB = 0.3, 0.9, 0.4

Point = tuple[float, float]


@dataclass(frozen=True)
class CellPlan:
    """Where everything is; points are numbered as in ``layers``.

    ``spans`` are the left and right ends of the columns, ``ports`` say for (edge, link of its chain) how
    far above the centres of its two points the link ends.
    """

    layers: Layers
    spans: list[Point]
    column_of: dict[int, int]
    centres: list[float]
    sizes: list[Point]
    ports: dict[tuple[int, int], Point]
    width: float
    height: float

    def centre(self, point: int) -> Point:
        """Middle of a box, a label or a passing edge."""
        left, right = self.spans[self.column_of[point]]
        return ((left + right) / 2, self.centres[point])

    def rectangle(self, point: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of a box or a label."""
        x, y = self.centre(point)
        width, height = self.sizes[point]
        return (x - width / 2, y - height / 2, width, height)

    def route(self, edge: int) -> list[tuple[Point, Point]]:
        """The horizontal runs of an edge, which curves join; the first and last are its two ends."""
        chain = self.layers.chains[edge]
        runs = []
        for point in chain[1:-1]:
            left, right = self.spans[self.column_of[point]]
            runs.append(((left, self.centres[point]), (right, self.centres[point])))
        start = self._port(chain[0], +1, self.ports[edge, 0][0])
        end = self._port(chain[-1], -1, self.ports[edge, len(chain) - 2][1])
        return [(start, start), *runs, (end, end)]

    def _port(self, box: int, side: int, above: float) -> Point:
        x, y = self.centre(box)
        return (x + side * self.sizes[box][0] / 2, y + above)


def plan_cell(graph: CellGraph) -> CellPlan:
    """Lay a cell out."""
    layers = layers_of(graph)
    column_of = {point: index for index, column in enumerate(layers.columns) for point in column}
    sizes = [_box_size(graph, layers, box) for box in range(len(graph.boxes))]
    sizes += [
        (_text_width(layers.labels[point], LABEL_FONT) + LABEL_PADDING, LABEL_HEIGHT)
        if point in layers.labels
        else (0.0, PASSING_HEIGHT)
        for point in range(len(graph.boxes), len(column_of))
    ]
    ports = _ports(layers)
    centres = heights_of(layers, [height for _, height in sizes], VERTICAL_GAP, ports)
    bottom = min(y - size[1] / 2 for y, size in zip(centres, sizes, strict=True)) - MARGIN
    centres = [y - bottom for y in centres]
    top = max(y + size[1] / 2 for y, size in zip(centres, sizes, strict=True))
    climbs = [0.0] * len(layers.columns)
    for left, right in layers.links:
        climbs[column_of[right]] = max(climbs[column_of[right]], abs(centres[left] - centres[right]))
    spans, x = [], MARGIN
    for index, column in enumerate(layers.columns):
        if index:
            x += min(MOST_GAP, max(LEAST_GAP, GAP_PER_CLIMB * climbs[index]))
        width = max(sizes[point][0] for point in column)
        spans.append((x, x + width))
        x += width
    return CellPlan(layers, spans, column_of, centres, sizes, ports, x + MARGIN, top + MARGIN)


def _ports(layers: Layers) -> dict[tuple[int, int], Point]:
    """For (edge, link of its chain): where the link leaves and arrives, above the centre of the point.

    On the side of a box the ports stand in the order of the points that the edges come from or go to.
    """
    place = {point: place for column in layers.columns for place, point in enumerate(column)}
    ports = {
        (edge, link): [0.0, 0.0] for edge, chain in enumerate(layers.chains) for link in range(len(chain) - 1)
    }
    for end, neighbour in ((0, 1), (-1, -2)):
        touching: dict[int, list[int]] = {}
        for _, edge in sorted((place[chain[neighbour]], edge) for edge, chain in enumerate(layers.chains)):
            touching.setdefault(layers.chains[edge][end], []).append(edge)
        for edges in touching.values():
            for index, edge in enumerate(edges):
                link = 0 if end == 0 else len(layers.chains[edge]) - 2
                ports[edge, link][end] = ((len(edges) - 1) / 2 - index) * PORT
    return {key: (start, stop) for key, (start, stop) in ports.items()}


def _box_size(graph: CellGraph, layers: Layers, box: int) -> Point:
    ends = [(chain[0], chain[-1]) for chain in layers.chains]
    ports = max(sum(first == box for first, _ in ends), sum(last == box for _, last in ends))
    width = _text_width(graph.boxes[box].text, BOX_FONT) + BOX_PADDING
    return (max(width, BOX_HEIGHT), max(BOX_HEIGHT, ports * PORT + 0.06))


def _text_width(text: str, points: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), text, size=points, prop=FontProperties(family="DejaVu Sans"))
    return float(path.get_extents().width) / 72
