"""From a trained supernet to one architecture, as an NNI sample."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from nni_darts.state import SearchState
from nni_darts.supernet.structure import Choice, Node

NONE = "none"
"""The candidate that means "no connection": it competes in the softmax and is never derived."""


def strongest(state: SearchState) -> dict[str, Any]:
    """DARTS's rule (section 2.4): per node the strongest edges, each with its best operation.

    The strength of an edge is the largest weight among its operations other than ``none``, the softmax
    taken with ``none`` inside. Ties keep the lower index, of edges and of operations. Kept edges are listed
    in the order of their strength. Choices outside of nodes take their best candidates.

    Returns
    -------
    Label -> choice, which ``space.freeze`` accepts.
    """
    weights = settled_weights(state)
    sample: dict[str, Any] = {}
    in_nodes: set[str] = set()
    for node in state.structure.nodes:
        in_nodes.update(node.edges)
        sample.update(node.write(rank_edges(node, weights, state.structure.choices)))
    for label, choice in state.structure.choices.items():
        if label not in in_nodes:
            sample[label] = best_candidates(choice, weights[label])
    return sample


def settled_weights(state: SearchState) -> dict[str, Tensor]:
    """Label -> weights as a derivation compares them, what is decided included."""
    with torch.no_grad():
        # In float64, so that rounding in the softmax cannot make two different logits tie.
        return state.weights.gates(copy.deepcopy(state.relaxation).double().probabilities())


def rank_edges(node: Node, weights: dict[str, Tensor], choices: dict[str, Choice]) -> list[tuple[int, Any]]:
    """The ``node.keep`` strongest (incoming edge, operation) pairs of one node, strongest first.

    Edges are taken once each; only a node that keeps more than it has edges takes their next operations.
    An edge whose weights are all 0 was removed, and comes after all that weigh something in ``none``.
    """
    rounds: list[list[tuple[float, int, Any]]] = []
    for edge, label in enumerate(node.edges):
        row = weights[label].tolist()
        operations = [k for k, value in enumerate(choices[label].values) if value != NONE]
        operations.sort(key=lambda k: -row[k])
        removed = not any(row)
        for place, k in enumerate(operations):
            if place == len(rounds):
                rounds.append([])
            rounds[place].append((-1.0 if removed else row[k], edge, choices[label].values[k]))
    ranked = [pair for pairs in rounds for pair in sorted(pairs, key=lambda pair: -pair[0])]
    if not ranked:
        return []
    return [(edge, operation) for _, edge, operation in (ranked[k % len(ranked)] for k in range(node.keep))]


def best_candidates(choice: Choice, weights: Tensor) -> Any:
    """The best candidate; for several inputs the indices of the best ``n_chosen``, in ascending order.

    An input choice that leaves the number open keeps the candidates that weigh at least as much as
    under the uniform distribution.
    """
    row = weights.tolist()
    order = sorted(range(len(row)), key=lambda k: -row[k])
    if not choice.multiple:
        return choice.values[order[0]]
    chosen = choice.n_chosen
    if chosen is None:
        chosen = max(1, sum(value >= 1 / len(row) for value in row))
    return [choice.values[k] for k in sorted(order[:chosen])]


def strongest_candidates(state: SearchState, keep: int) -> dict[str, list[Any]]:
    """Of every LayerChoice the ``keep`` candidates with the largest weights, in their own order.

    ``none`` competes like the others. Of equal ones the first goes, as in the official code.
    """
    kept = {}
    for label, row in settled_weights(state).items():
        choice = state.structure.choices[label]
        if choice.is_layer and len(choice.values) > keep:
            order = sorted(range(len(choice.values)), key=row.tolist().__getitem__)
            kept[label] = [choice.values[k] for k in sorted(order[len(order) - keep :])]
        elif choice.is_layer:
            kept[label] = list(choice.values)
    return kept
