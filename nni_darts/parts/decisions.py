"""Which choices of a space are decided together, and in which epochs."""

from __future__ import annotations

from dataclasses import dataclass

from nni_darts.supernet.structure import Node, Structure


@dataclass
class Group:
    """Of one group one choice is decided at a time: the edges of a type of cell and its nodes, or the rest.

    ``nodes`` are those that keep fewer edges than they have; the others have nothing to decide.
    """

    labels: list[str]
    nodes: list[Node]


def groups_of(structure: Structure) -> list[Group]:
    """One group per type of cell, which is what comes before the last ``/`` of a label, normal cells first.

    Choices that belong to no node are one group together.
    """
    types: dict[str, Group] = {}
    inside: set[str] = set()
    for node in structure.nodes:
        group = types.setdefault(node.edges[0].rpartition("/")[0], Group([], []))
        group.labels += [label for label in node.edges if label not in inside]
        inside.update(node.edges)
        group.nodes += [node] if len(node.edges) > node.keep else []
    found = [types[name] for name in sorted(types, key=lambda name: not name.endswith("normal"))]
    others = [label for label in structure.choices if label not in inside]
    return found + ([Group(others, [])] if others else [])


class Timetable:
    """When decisions are made: first all operations, then all inputs, one of every group in a round.

    Parameters
    ----------
    interval
        Epochs from one round to the next.

    Attributes
    ----------
    operations, inputs
        Rounds of each kind.
    epochs
        All of them. Where there are nodes one epoch follows the last round: interval * (rounds - 1) + 1.
        Without nodes the last round comes in the last of interval * (rounds - 1) epochs, or of one more
        with an interval of 1, where that would be too few. Both are the official numbers (81 epochs for 17
        rounds, 25 for 6).
    """

    def __init__(self, structure: Structure, interval: int) -> None:
        groups = groups_of(structure)
        self.interval = interval
        self.operations = max(len(group.labels) for group in groups)
        self.inputs = max(len(group.nodes) for group in groups)
        one_more = bool(structure.nodes) or interval == 1
        self.epochs = max(1, interval * (self.operations + self.inputs - 1) + one_more)

    @property
    def rounds(self) -> list[int]:
        """The epochs that begin with a round."""
        rounds = range(self.operations + self.inputs)
        return [min(number * self.interval, self.epochs - 1) for number in rounds]
