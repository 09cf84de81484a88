"""A search in several trainings: each has a supernet, weights and architecture parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from nni_darts.plain import plain
from nni_darts.supernet.structure import Structure

if TYPE_CHECKING:
    from nni_darts.recipe import Recipe
    from nni_darts.state import SearchState

Arguments = Mapping[str, Any]
"""Of a space: name -> value, those that it was built with and the defaults of the others."""


@dataclass(frozen=True)
class Phase:
    """What one training of a search in phases is of: plain values, which its checkpoints keep.

    Attributes
    ----------
    index
        From 0.
    space
        Arguments of the space that differ in this phase.
    candidates
        Label of a LayerChoice -> what it still offers, in its own order; of a label left out everything.
    epochs
        None: as many as the trainer was made for.
    memory
        Whatever else the method has to know in later phases.
    """

    index: int = 0
    space: Mapping[str, Any] = field(default_factory=dict)
    candidates: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    epochs: int | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """What a checkpoint may hold; ``Phase(**content)`` is the phase again."""
        found: dict[str, Any] = plain(asdict(self))
        return found


class Phases:
    """The part of a recipe that says how many trainings a search has and what each of them is of.

    Every phase begins with fresh weights, architecture parameters, optimisers and learning-rate schedule;
    the last one derives.
    """

    def first(self, arguments: Arguments, structure: Structure) -> Phase:
        """The first phase, from the arguments and the choices of the space that is searched."""
        return Phase()

    def after(self, phase: Phase, state: SearchState, arguments: Arguments) -> Phase | None:
        """The phase that follows ``phase``, from the state at its end; None where that was the last.

        ``arguments`` are those of the space that is searched, before any phase changed them.
        """
        raise NotImplementedError

    def recipe(self, phase: Phase, recipe: Recipe) -> Recipe:
        """The parts of one phase, from those of the method."""
        return recipe

    def outline(self, arguments: Arguments, structure: Structure) -> list[dict[str, Any]]:
        """What is known of every phase before the search, for people; empty where their number is open."""
        return []
