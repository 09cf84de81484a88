"""DARTS's derivation with a limit on the skip connections of one type of cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nni_darts.parts.derivation import best_candidates, rank_edges, settled_weights
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Structure

SKIP = "skip_connect"

Chosen = dict[str, Any]
"""Label of an edge that is kept -> its operation."""


@dataclass(frozen=True)
class SkipLimit:
    """At most ``most`` skip connections in cells of the type ``cell`` (P-DARTS, section 3.3).

    As long as there are more, the weight of the weakest chosen one is set to 0, and everything is derived
    again: the operation of its edge, and the edges of its node. Another skip connection may come up by
    that; it counts like the others. A skip connection that stays even with a weight of 0, since its edge
    has nothing else to offer, is left.

    Kept edges are listed in the order of their sources, as the official code reads them from a table.

    Parameters
    ----------
    most
        None for no limit.
    cell
        What stands before the slash in the labels of its choices.
    """

    most: int | None = 2
    cell: str = "normal"

    def __call__(self, state: SearchState) -> dict[str, Any]:
        weights, structure = settled_weights(state), state.structure
        while True:
            sample, chosen = _derived(structure, weights)
            skips = list(self._skips(chosen))
            if self.most is None or len(skips) <= self.most:
                return sample
            rows = {label: (weights[label], structure.choices[label].values.index(SKIP)) for label in skips}
            left = [label for label, (row, place) in rows.items() if row[place] > 0]
            if not left:
                return sample
            weakest, place = min((rows[label] for label in left), key=lambda entry: float(entry[0][entry[1]]))
            weakest[place] = 0.0

    def _skips(self, chosen: Chosen) -> Iterator[str]:
        """Labels of the skip connections that count."""
        for label, operation in chosen.items():
            if operation == SKIP and label.startswith(f"{self.cell}/"):
                yield label


def _derived(structure: Structure, weights: dict[str, Tensor]) -> tuple[dict[str, Any], Chosen]:
    """As ``strongest``: per node the strongest edges, each with its best operation but ``none``."""
    sample: dict[str, Any] = {}
    chosen: Chosen = {}
    in_nodes: set[str] = set()
    for node in structure.nodes:
        in_nodes.update(node.edges)
        pairs = sorted(rank_edges(node, weights, structure.choices), key=lambda pair: pair[0])
        sample.update(node.write(pairs))
        chosen.update({node.edges[edge]: operation for edge, operation in pairs})
    for label, choice in structure.choices.items():
        if label not in in_nodes:
            sample[label] = best_candidates(choice, weights[label])
            chosen[label] = sample[label]
    return sample, chosen
