"""FairDARTS (Chu, Zhou, Zhang, Li, ECCV 2020): operations that do not compete.

edge(x) = sum_o sigmoid(alpha_o) o(x), and the objective of the architecture has 10 L01 added, with
L01 = -mean (sigmoid(alpha) - 0.5)^2 over all gates of all cells, which pushes every gate away from 0.5. Per
node the two strongest edges are taken, as in DARTS, and of those the ones whose gate reaches 0.85.

An edge below the threshold is derived as ``none``. Gates do not compete, and the gate of ``none`` multiplies
zeros, so that offering it changes nothing else; L01 leaves it out. Nodes without an operation vanish from
the discrete network. The authors' networks drop whole nodes: ``retrain.network.drop_path_on: node``. Their
other derivation, two operations an edge on every edge (``threshold_edge``), has no form in cells of two
inputs a node.

=====================  ==========================================================================
setting                official search (fairdarts/train_search.py)
=====================  ==========================================================================
candidates             the 7 of DARTS without ``none``; here with it, for what is not connected
zero-one loss          weight 10, squared (``loss: l1`` is the absolute value)
threshold              0.85
order                  first
first alphas           0: every gate is 0.5
training               ``nni_darts.config.defaults``
=====================  ==========================================================================
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_darts.capture import capturable
from nni_darts.config.section import NotNegative, Probability
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order
from nni_darts.parts.demand import GATES, OUTER, demands
from nni_darts.parts.derivation import NONE, rank_edges, settled_weights, strongest
from nni_darts.parts.requirement import operation, requires
from nni_darts.parts.sigmoid import Sigmoid
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState

logger = logging.getLogger(__name__)

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"l2": torch.square, "l1": torch.abs}


@capturable
@demands(GATES, OUTER)
@dataclass(frozen=True)
class ZeroOne:
    """``-weight`` times the mean distance of all gates from 0.5, without those of ``none``."""

    weight: NotNegative = 10.0
    loss: Literal["l2", "l1"] = "l2"

    def __call__(self, state: SearchState) -> Tensor:
        gates = torch.sigmoid(torch.cat(list(_of_operations(state))))
        return -self.weight * LOSSES[self.loss](gates - 0.5).mean()


def _of_operations(state: SearchState) -> Iterator[Tensor]:
    """The alphas of every choice without that of ``none``."""
    for label, choice in state.structure.choices.items():
        alpha = state.relaxation.alpha(label)
        if NONE in choice.values:
            # Slices, since an index would be copied to the device in every step.
            at = choice.values.index(NONE)
            yield alpha[:at]
            yield alpha[at + 1 :]
        else:
            yield alpha


@requires(operation(NONE))
@demands(GATES)
@dataclass(frozen=True)
class Reaching:
    """DARTS's rule, and ``none`` on the edges whose gate stays below the threshold.

    An edge that does not offer ``none`` keeps its operation.
    """

    threshold: Probability = 0.85

    def __call__(self, state: SearchState) -> dict[str, Any]:
        gates = settled_weights(state)
        choices = state.structure.choices
        sample = strongest(state)

        def settled(label: str, value: Any) -> Any:
            values = choices[label].values
            reaches = gates[label][values.index(value)] >= self.threshold
            return value if reaches or NONE not in values else NONE

        in_nodes: set[str] = set()
        connected: Counter[str] = Counter()
        for node in state.structure.nodes:
            in_nodes.update(node.edges)
            ranked = rank_edges(node, gates, choices)
            pairs = [(at, settled(node.edges[at], name)) for at, name in ranked]
            sample.update(node.write(pairs))
            connected[_cell_of(node.edges[0])] += sum(name != NONE for _, name in pairs)
        if state.epoch + 1 >= state.epochs:
            self._warn_of_empty([cell for cell, count in connected.items() if not count])
        for label, choice in choices.items():
            if label not in in_nodes and not choice.multiple:
                sample[label] = settled(label, sample[label])
        return sample

    def _warn_of_empty(self, cells: list[str]) -> None:
        for cell in cells:
            logger.warning(
                "No gate of the cell %s reaches %g: it is empty, and its network learns nothing. "
                "Search longer, raise search.arch_lr (the authors have 3e-3), or lower method.threshold.",
                *(cell, self.threshold),
            )


def _cell_of(edge: str) -> str:
    return edge.rpartition("/")[0]


@method(
    "fair-darts",
    summary="independent sigmoid gates, pushed to 0 or 1, instead of a softmax",
    paper="Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search (ECCV 2020)",
)
def fair_darts(
    weight: float = 10.0, loss: Literal["l2", "l1"] = "l2", threshold: float = 0.85, order: int = 1
) -> Recipe:
    """FairDARTS.

    Parameters
    ----------
    weight
        Of the zero-one loss; 0 leaves it out.
    loss
        l2 or l1.
    threshold
        Gate from which an operation is derived; 0 derives all that DARTS would. Otherwise the space has to
        offer ``none``.
    """
    problems = []
    if not (math.isfinite(weight) and weight >= 0):
        problems.append(f"method.weight: got {weight}; it must be 0 or more.")
    if loss not in LOSSES:
        problems.append(f'method.loss: got "{loss}"; write {" or ".join(LOSSES)}.')
    if not 0 <= threshold < 1:
        problems.append(f"method.threshold: got {threshold}; it must be 0 or more and less than 1.")
    if order != 1:
        problems.append(f"method.order: got {order!r}; FairDARTS is defined for order 1.")
    if problems:
        raise ConfigError(*problems)
    return darts_first_order().but(
        relaxation=Sigmoid,
        outer_regularisers=(ZeroOne(weight, loss),) if weight else (),
        derivation=Reaching(threshold) if threshold else strongest,
    )
