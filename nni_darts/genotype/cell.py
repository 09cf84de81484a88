"""Reading one cell from whatever a text or a JSON file holds; every problem becomes one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Edge = tuple[str, int]

#: The two cell types, by the names that labels, files and genotypes use.
CELLS = ("normal", "reduce")


def read_edges(value: Any, field: str, problems: list[str]) -> tuple[Edge, ...]:
    """Edges of a cell, two per node in node order, from a flat or a nested-per-node list.

    The input of an edge is 0 or 1 for the outputs of the cells before (k-2, k-1), 2 and above for the
    nodes, so node ``i`` (the first is 2) may use inputs ``0 .. i-1``.
    """
    if not _is_list(value) or not value:
        problems.append(f"{field}: expected a list of (operation, input) pairs, got {value!r}.")
        return ()
    if _is_list(value[0]) and value[0] and _is_list(value[0][0]):
        wrong = [entry for entry in value if not _is_list(entry) or len(entry) != 2]
        if wrong:
            problems.append(f"{field}: a node takes exactly two (operation, input) pairs, got {wrong[0]!r}.")
            return ()
        value = [pair for node in value for pair in node]
    if len(value) % 2:
        problems.append(f"{field}: {len(value)} edges, but every node takes two, so the number must be even.")
    edges = []
    for position, pair in enumerate(value):
        node = 2 + position // 2
        problem = _pair_problem(pair, node)
        if problem:
            problems.append(f"{field}: edge {position} {problem}")
        else:
            edges.append((pair[0], pair[1]))
    return tuple(edges)


def read_concat(value: Any, nodes: int, field: str, problems: list[str]) -> tuple[int, ...]:
    """Nodes whose outputs the cell concatenates, each between 2 and ``nodes + 1``."""
    if not (_is_list(value) or isinstance(value, range)) or not value:
        problems.append(f"{field}: expected a range or a list of node numbers, got {value!r}.")
        return ()
    wrong = [node for node in value if not _is_index(node) or not 2 <= node <= nodes + 1]
    if wrong:
        problems.append(f"{field}: {wrong[0]!r} is no node of the cell; they are 2 to {nodes + 1}.")
        return ()
    if len(set(value)) != len(value):
        problems.append(f"{field}: {list(value)} names a node twice.")
    return tuple(value)


def _pair_problem(pair: Any, node: int) -> str | None:
    if not _is_list(pair) or len(pair) != 2:
        return f"is {pair!r}, expected an (operation, input) pair."
    name, source = pair
    if not isinstance(name, str) or not name or not name.isprintable():
        return f"has the operation {name!r}, expected a name."
    if not _is_index(source) or not 0 <= source < node:
        return f"('{name}') has the input {source!r}, but node {node} takes inputs 0 to {node - 1}."
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | range)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
