"""What a space lets one choose, and which choices belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


def _unreadable(sample: Mapping[str, Any]) -> list[tuple[int, Any]]:
    raise NotImplementedError("this node says how to write a sample, not how to read one")


@dataclass(frozen=True)
class Choice:
    """One label with architecture parameters.

    ``n_chosen`` only matters where ``multiple`` is set; None leaves the number open. ``is_layer``: it is
    a LayerChoice, whose candidates can be fewer in a part of the search.
    """

    values: tuple[Any, ...]
    multiple: bool = False
    n_chosen: int | None = 1
    is_layer: bool = False


@dataclass(frozen=True)
class Node:
    """A node of a cell: incoming edges that compete with each other.

    Parameters
    ----------
    edges
        Labels of the incoming edges, in the order of their sources.
    keep
        How many (edge, operation) pairs are derived.
    write
        From the pairs, strongest first, to the part of the sample that says so.
    read
        From a sample to the pairs that it says.
    """

    edges: tuple[str, ...]
    keep: int
    write: Callable[[list[tuple[int, Any]]], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], list[tuple[int, Any]]] = _unreadable


@dataclass
class Structure:
    """All choices of a space (label -> choice, in a stable order) and its nodes."""

    choices: dict[str, Choice] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    @property
    def sizes(self) -> dict[str, int]:
        """Label -> number of candidates: what a relaxation is built from."""
        return {label: len(choice.values) for label, choice in self.choices.items()}

    def narrowed(self, candidates: Mapping[str, Sequence[Any]]) -> Structure:
        """The same with fewer values of some choices; what nodes write of a cell stays as it is."""
        choices = {
            label: replace(choice, values=tuple(v for v in choice.values if v in candidates[label]))
            if label in candidates
            else choice
            for label, choice in self.choices.items()
        }
        return Structure(choices, self.nodes)
