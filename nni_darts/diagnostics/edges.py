"""How decided each choice is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nni_darts.parts.derivation import NONE, settled_weights
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Choice


@dataclass(frozen=True)
class Edge:
    """One choice after an epoch, from its weights as a derivation compares them, divided by their sum.

    Attributes
    ----------
    entropy
        -sum p log p over all candidates in nats: log(candidates) at the start, 0 when decided. None where
        all weights are 0.
    margin
        By how much the best candidate leads the second; where ``n`` are chosen, the n-th the next. None
        where none is left out.
    best, second
        The two candidates. On edges of nodes ``none`` is not among them: it is never derived.
    """

    entropy: float | None
    margin: float | None
    best: str | None
    second: str | None


def edges(state: SearchState) -> dict[str, Edge]:
    """Label of every choice -> how decided it is now."""
    in_nodes = {label for node in state.structure.nodes for label in node.edges}
    weights = settled_weights(state)
    return {
        label: _edge(choice, weights[label], without_none=label in in_nodes)
        for label, choice in state.structure.choices.items()
    }


def _edge(choice: Choice, weights: Tensor, without_none: bool) -> Edge:
    total = float(weights.sum())
    if not (math.isfinite(total) and total > 0):
        return Edge(None, None, None, None)
    shares = weights / total
    row = shares.tolist()
    offered = [k for k, value in enumerate(choice.values) if not (without_none and value == NONE)]
    order = sorted(offered, key=lambda k: -row[k])
    chosen = choice.n_chosen if choice.multiple else 1
    best, second = ((order[place] if place < len(order) else None) for place in _places(chosen))
    return Edge(
        entropy=float(torch.special.entr(shares).sum()),
        margin=None if best is None or second is None else row[best] - row[second],
        best=None if best is None else str(choice.values[best]),
        second=None if second is None else str(choice.values[second]),
    )


def _places(chosen: int | None) -> tuple[int, int]:
    """Of the weakest candidate that is chosen and the strongest that is not; of two where that is open."""
    last = (chosen or 1) - 1
    return last, last + 1
