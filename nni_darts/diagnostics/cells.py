"""Numbers of edges, put together by cell type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain

_EDGE = re.compile(r"(.+)/edge_\d+_\d+")


def by_cell(
    name: str, numbers: Iterable[tuple[str, float]], total: Callable[[list[float]], float]
) -> dict[str, float]:
    """``name`` over all choices, and ``name/<cell>`` over those of each cell type.

    Parameters
    ----------
    numbers
        Labels and numbers. The cell type is what stands before ``/edge_j_i``; other labels have none.
    total
        From the numbers to one number; not asked where there are none.
    """
    groups: dict[str, list[float]] = {}
    for label, number in numbers:
        edge = _EDGE.fullmatch(label)
        for key in chain([name], [f"{name}/{edge[1]}"] if edge else []):
            groups.setdefault(key, []).append(number)
    return {key: total(found) for key, found in groups.items()}
