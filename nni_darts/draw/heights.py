"""Vertical positions in a layered drawing: edges as straight as the order in each column allows."""

from __future__ import annotations

from itertools import pairwise

from nni_darts.draw.layers import Layers

# Straightness of a link between two passing points, between one and a box, and between boxes: those of
# graphviz's dot (Gansner et al., "A technique for drawing directed graphs", 1993, section 4).
WEIGHTS = (8.0, 2.0, 1.0)


def heights_of(
    layers: Layers, sizes: list[float], gap: float, ports: dict[tuple[int, int], tuple[float, float]]
) -> list[float]:
    """Centre of every point, upwards, so that the weighted sum of all climbs is least (a linear program).

    Parameters
    ----------
    layers
        Points in columns, topmost first.
    sizes
        Height of each point.
    gap
        Least space between two points of a column.
    ports
        For (edge, link of its chain): how far above the centres of its two points the link ends.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    boxes = {chain[end] for chain in layers.chains for end in (0, -1)}
    rows: list[dict[int, float]] = []
    limits: list[float] = []
    for column in layers.columns:
        for upper, lower in pairwise(column):
            rows.append({lower: 1.0, upper: -1.0})
            limits.append(-((sizes[upper] + sizes[lower]) / 2 + gap))
    cost = [0.0] * len(sizes)
    for edge, chain in enumerate(layers.chains):
        for link, (left, right) in enumerate(pairwise(chain)):
            start, end = ports.get((edge, link), (0.0, 0.0))
            # Two rows say: climb >= |difference|, and the cost makes it equal.
            climb = len(cost)
            cost.append(WEIGHTS[(left in boxes) + (right in boxes)])
            rows += [{right: 1.0, left: -1.0, climb: -1.0}, {right: -1.0, left: 1.0, climb: -1.0}]
            limits += [start - end, end - start]
    entries = [(r, c, v) for r, row in enumerate(rows) for c, v in row.items()]
    row_index, column_index, values = zip(*entries, strict=True)
    matrix = csr_matrix((values, (row_index, column_index)), shape=(len(rows), len(cost)))
    solution = linprog(cost, A_ub=matrix, b_ub=np.array(limits), bounds=(0, None), method="highs-ds")
    return [float(y) for y in solution.x[: len(sizes)]]
