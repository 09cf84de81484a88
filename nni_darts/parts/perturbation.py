"""Deriving by perturbation: an edge keeps the operation that the trained supernet can least do without.

Wang, Cheng, Chen, Tang, Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.criterion import CRITERIA
from nni_darts.parts.decisions import Group, Timetable, groups_of
from nni_darts.parts.demand import READ_WEIGHTS, REPEATABLE, demands
from nni_darts.parts.derivation import NONE
from nni_darts.parts.edge_weights import edge_places
from nni_darts.parts.named import makes_part
from nni_darts.parts.requirement import Requirement, requires
from nni_darts.parts.tail import Tail
from nni_darts.parts.weight_step import begin_anew
from nni_darts.state import SearchState
from nni_darts.supernet.gates import Fixed
from nni_darts.supernet.structure import Structure

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

ONE_EACH = Requirement(
    "choices of one candidate each outside of nodes",
    lambda structure: not any(choice.multiple for choice in structure.choices.values()),
)


@requires(ONE_EACH)
@demands(REPEATABLE, READ_WEIGHTS)
class Perturbation(Tail):
    """Decide one edge at a time, and then the inputs of nodes, with training between the decisions.

    An undecided edge is drawn at random. With p its mixture weights, such as softmax(alpha), it keeps

        o* = argmax_o harm(p with p_o = 0),    harm: minus the accuracy, or the loss, on validation data,

    the other weights unchanged: nothing is normalised again. Its weights are then one-hot. When all edges
    are decided, a node drawn at random loses, again and again, the edge without which the supernet is
    best, until it has as many as it keeps. Of equals the first operation stays and the later edge goes.
    In every round one decision is made in each type of cell, normal cells first, and later types are
    measured with it. What is decided gets no gradient in alpha; the rest trains on.

    A choice outside of nodes is decided like an edge. Where edges have weights of their own (PC-DARTS) that
    of a removed edge is 0, too. ``none`` may win the edge of a node but is never derived: the architecture
    then has the edge's first other operation, as in the official code on S3.

    The weights train with an optimiser as good as new, of the evaluator's kind (official: a new SGD):
    nothing accumulated before counts, the rate is ``lr_factor`` times the first one and constant (the
    official cosine schedule is never stepped), and decay and momentum are what they were.

    Parameters
    ----------
    interval
        Epochs from one round to the next; 5 in all official scripts (10 in the parser).
    criterion
        ``"accuracy"`` (official; of next words on texts) or ``"loss"``.
    lr_factor
        0.1 in the official code.
    none
        Whether ``none`` competes on edges of nodes. Without it, it is not measured there either.
    """

    def __init__(
        self, interval: int = 5, criterion: str = "accuracy", lr_factor: float = 0.1, none: bool = True
    ) -> None:
        super().__init__()
        problems = []
        if interval < 1:
            problems.append(f"method.interval: got {interval}; it must be 1 or more.")
        if criterion not in CRITERIA:
            problems.append(f'method.criterion: got "{criterion}"; write "accuracy" or "loss".')
        if not lr_factor > 0:
            problems.append(f"method.lr_factor: got {lr_factor}; it must be greater than 0.")
        if problems:
            raise ConfigError(*problems)
        self.interval, self.lr_factor, self.none = interval, lr_factor, none
        self.harm = CRITERIA[criterion]
        self.memory = {"seed": 0, "rows": {}, "edges": [], "nodes": []}

    def epochs(self, structure: Structure) -> int:
        return Timetable(structure, self.interval).epochs

    def begin(self, state: SearchState, epoch: int) -> None:
        if epoch == 0:
            self.memory["seed"] = torch.initial_seed()
            begin_anew(state.optimizer(), self.lr_factor)
        timetable = Timetable(state.structure, self.interval)
        if epoch not in timetable.rounds:
            return
        number = timetable.rounds.index(epoch)
        decide = self._decide_operation if number < timetable.operations else self._decide_inputs
        for index, group in enumerate(groups_of(state.structure)):
            stream = np.random.SeedSequence(self.memory["seed"], spawn_key=(number, index))
            decide(state, group, np.random.Generator(np.random.PCG64(stream)))

    def restore(self, state: SearchState) -> None:
        state.weights.gates.fix({label: tuple(row) for label, row in self.memory["rows"].items()})

    def metrics(self) -> dict[str, float]:
        """How many choices have their operation, and how many nodes their inputs."""
        return {f"decided_{kind}": float(len(self.memory[kind])) for kind in ("edges", "nodes")}

    def _decide_operation(self, state: SearchState, group: Group, generator: np.random.Generator) -> None:
        label = _draw([label for label in group.labels if label not in self.memory["edges"]], generator)
        if label is None:
            return
        values = state.structure.choices[label].values
        competing = list(range(len(values)))
        if not self.none and any(label in node.edges for node in state.structure.nodes):
            competing = [k for k in competing if values[k] != NONE] or competing
        harms = [self._harm_with(state, {label: _without(len(values), k)}) for k in competing]
        best = competing[harms.index(max(harms))]  # the first of equals
        self._fix(state, {label: tuple(float(k == best) for k in range(len(values)))})
        self.memory["edges"].append(label)
        measured = ", ".join(f"{values[k]} {harm:.5g}" for k, harm in zip(competing, harms, strict=True))
        logger.info("%s keeps %s; harm of a loss: %s", label, values[best], measured)

    def _decide_inputs(self, state: SearchState, group: Group, generator: np.random.Generator) -> None:
        node = _draw([node for node in group.nodes if node.edges[0] not in self.memory["nodes"]], generator)
        if node is None:
            return
        kept = list(node.edges)
        while len(kept) > node.keep:
            # Edges lost before are whole again while the others are measured, as in the official code.
            harms = [self._harm_with(state, _removal(state, [edge])) for edge in kept]
            kept.pop(len(harms) - 1 - harms[::-1].index(min(harms)))  # the last of equals
        self._fix(state, _removal(state, [edge for edge in node.edges if edge not in kept]))
        self.memory["nodes"].append(node.edges[0])
        logger.info("of %s stay %s", ", ".join(node.edges), ", ".join(kept))

    def _harm_with(self, state: SearchState, rows: dict[str, Fixed]) -> float:
        with state.weights.gates.trying(rows):
            return self.harm(state)

    def _fix(self, state: SearchState, rows: dict[str, Fixed]) -> None:
        state.weights.gates.fix(rows)
        self.memory["rows"].update({label: list(row) for label, row in rows.items()})


@makes_part
def perturbation(
    interval: int = 5, criterion: str = "accuracy", lr_factor: float = 0.1, none: bool = True
) -> dict[str, Tail]:
    """Edge by edge what the supernet can least do without, in epochs after those of the search (DARTS+PT)."""
    return {"tail": Perturbation(interval, criterion, lr_factor, none)}


def _draw(left: Sequence[Item], generator: np.random.Generator) -> Item | None:
    return left[int(generator.integers(len(left)))] if left else None


def _without(size: int, candidate: int) -> Fixed:
    return tuple(0.0 if k == candidate else None for k in range(size))


def _removal(state: SearchState, edges: Sequence[str]) -> dict[str, Fixed]:
    """What takes edges away: zeros for their operations, and for their own weight where they have one."""
    structure = state.structure
    rows: dict[str, Fixed] = {edge: (0.0,) * len(structure.choices[edge].values) for edge in edges}
    if not hasattr(state.relaxation, "places"):
        return rows
    places = edge_places(structure)
    for edge in edges:
        label, _ = places[edge]
        fellows = sorted((position, other) for other, (own, position) in places.items() if own == label)
        rows[label] = tuple(0.0 if other in edges else None for _, other in fellows)
    return rows
