"""Reading one cell from whatever a text or a JSON file holds; every problem becomes one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Edge = tuple[str, int]

#: The two cell types of convolutional networks, by the names that labels, files and genotypes use.
CELLS = ("normal", "reduce")

RECURRENT = "recurrent"
"""The one cell of a recurrent network."""


@dataclass(frozen=True)
class CellForm:
    """How cells of one kind are put together.

    Attributes
    ----------
    inputs
        States before the first node, which has the number ``inputs``.
    taken
        Edges that every node takes.
    """

    inputs: int
    taken: int

    def node(self, position: int) -> int:
        """The node to which the edge at this position of the list leads."""
        return self.inputs + position // self.taken

    def nodes(self, edges: Sequence[Any]) -> range:
        """Numbers of the nodes of a cell with these edges."""
        return range(self.inputs, self.inputs + len(edges) // self.taken)


CONVOLUTIONAL_FORM = CellForm(inputs=2, taken=2)
"""States 0 and 1 are the outputs of the cells before; every node sums two operations."""

RECURRENT_FORM = CellForm(inputs=1, taken=1)
"""State 0 is computed from the token and the hidden state; every node takes one of the states before."""


def read_edges(value: Any, field: str, problems: list[str], form: CellForm) -> tuple[Edge, ...]:
    """Edges of a cell in node order, as many per node as the form says; the list may be nested per node.

    Node ``i`` may use the states ``0 .. i-1``: first the inputs of the cell, then the nodes before it.
    """
    if not _is_list(value) or not value:
        problems.append(f"{field}: expected a list of (operation, input) pairs, got {value!r}.")
        return ()
    count = "two (operation, input) pairs" if form.taken == 2 else "one (operation, input) pair"
    if _is_list(value[0]) and value[0] and _is_list(value[0][0]):
        wrong = [entry for entry in value if not _is_list(entry) or len(entry) != form.taken]
        if wrong:
            problems.append(f"{field}: a node takes exactly {count}, got {wrong[0]!r}.")
            return ()
        value = [pair for node in value for pair in node]
    if len(value) % form.taken:
        problems.append(f"{field}: {len(value)} edges, but every node takes two, so the number must be even.")
    edges = []
    for position, pair in enumerate(value):
        problem = _pair_problem(pair, form.node(position))
        if problem:
            problems.append(f"{field}: edge {position} {problem}")
        else:
            edges.append((pair[0], pair[1]))
    return tuple(edges)


def read_concat(value: Any, nodes: range, field: str, problems: list[str]) -> tuple[int, ...]:
    """Nodes that make the output of the cell."""
    if not (_is_list(value) or isinstance(value, range)) or not value:
        problems.append(f"{field}: expected a range or a list of node numbers, got {value!r}.")
        return ()
    wrong = [node for node in value if not _is_index(node) or node not in nodes]
    if wrong:
        problems.append(f"{field}: {wrong[0]!r} is no node of the cell; they are {nodes[0]} to {nodes[-1]}.")
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
