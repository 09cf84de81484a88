"""A method is a recipe: a frozen set of parts. Methods differ by the parts they replace."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nni_darts.errors import ConfigError
from nni_darts.parts.demand import Company, demands_of
from nni_darts.parts.derivation import strongest
from nni_darts.parts.forward import weighted_sum
from nni_darts.parts.outer import OuterOptimiser, OuterSchedule
from nni_darts.parts.phases import Phases
from nni_darts.parts.relaxation import Relaxation, Softmax
from nni_darts.parts.requirement import requirements_of
from nni_darts.parts.stopping import Stopping
from nni_darts.parts.tail import Tail
from nni_darts.parts.weight_step import descend
from nni_darts.recipe.combination import combined
from nni_darts.state import Regulariser, SearchState
from nni_darts.supernet.layer import EdgePart
from nni_darts.supernet.mixed import Forward
from nni_darts.supernet.structure import Structure


@dataclass(frozen=True)
class Recipe:
    """The parts of a method; the defaults are what all methods share with DARTS.

    Attributes
    ----------
    architect
        state -> one gradient per architecture parameter.
    relaxation
        Label -> number of candidates, to the module that owns the architecture parameters.
    forward
        Candidates and weights -> output of a choice.
    edges
        What is put at every mixed LayerChoice: each part gets the layer and the space's structure and
        returns the layer that takes its place, in the recipe's order.
    weight_step
        The inner update.
    outer_regularisers, inner_regularisers
        Scalars added to the validation and to the training objective.
    schedules
        Called at the start of every epoch.
    derivation
        state -> sample.
    stopping
        Asked at the end of every epoch whether the search ends there, and with which architecture; its
        memory is in the checkpoint.
    tail
        Epochs after those of the search, and what happens before each of them.
    setup
        Called once with the state before training.
    outer_optimiser
        Architecture parameters -> their optimiser.
    outer_schedule
        That optimiser and the number of epochs -> a schedule of torch; None for a constant rate.
    beginning
        Changes the architecture parameters once, before training; None for those of the relaxation.
    weight_steps
        Weight steps for every architecture step: the batches of an epoch are taken in groups of so many,
        each group on the architecture that its first batch found. 1 is DARTS's alternation. An epoch stays
        one pass over the training batches, with ``ceil(batches / weight_steps)`` architecture steps.
    outer_clip
        Largest norm of the architecture's gradient in its step; None for no clipping.
    phases
        How a search of several trainings goes on from one to the next; None for one training.
    """

    architect: Callable[[SearchState], list[Tensor]]
    relaxation: Callable[[dict[str, int]], Relaxation] = Softmax
    forward: Forward = weighted_sum
    edges: tuple[EdgePart, ...] = ()
    weight_step: Callable[[SearchState], None] = descend
    outer_regularisers: tuple[Regulariser, ...] = ()
    inner_regularisers: tuple[Regulariser, ...] = ()
    schedules: tuple[Callable[[SearchState], None], ...] = ()
    derivation: Callable[[SearchState], dict[str, Any]] = strongest
    stopping: Stopping | None = None
    tail: Tail | None = None
    setup: tuple[Callable[[SearchState], None], ...] = ()
    outer_optimiser: Callable[[list[nn.Parameter]], Optimizer] = field(default_factory=OuterOptimiser)
    outer_schedule: OuterSchedule | None = None
    beginning: Callable[[Relaxation], None] | None = None
    weight_steps: int = 1
    outer_clip: float | None = None
    phases: Phases | None = None

    def __post_init__(self) -> None:
        if self.weight_steps < 1:
            raise ConfigError(f"search.weight_steps: got {self.weight_steps}; it must be 1 or more.")
        if self.phases is not None and self.stopping is not None and self.stopping.may_return:
            raise ConfigError(
                f"method: {name_of(self.stopping)} goes back to earlier epochs, and {name_of(self.phases)} "
                "begins anew in between; leave one of them out."
            )

    def but(self, **parts: Any) -> Recipe:
        """The same recipe with some parts replaced."""
        return replace(self, **parts)

    def with_parts(self, parts: Mapping[str, Any]) -> Recipe:
        """The same recipe with parts by name, as ``method.parts`` of a file: slot -> part.

        In slots that hold several parts they are added, elsewhere they replace (``recipe.combination``).
        """
        return combined(self, parts)

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Every part with its slot."""
        for slot in fields(self):
            value = getattr(self, slot.name)
            for part in value if isinstance(value, tuple) else (value,):
                yield slot.name, part

    def unmet(self, structure: Structure) -> list[str]:
        """What the parts need and a space lacks, one phrase each; empty where the method is defined."""
        return [
            f"{name_of(part)} needs {requirement.what}"
            for _, part in self.parts()
            for requirement in requirements_of(part)
            if not requirement.met(structure)
        ]

    def check(self) -> None:
        """Refuse parts that do not go together."""
        conflicts = self.conflicts()
        if conflicts:
            raise ConfigError(*(f"method: {conflict}." for conflict in conflicts))

    def conflicts(self) -> list[str]:
        """What the parts need of one another and lack, one phrase each; empty where they make sense."""
        with torch.random.fork_rng(devices=[]):
            relaxation = self.relaxation({"a choice": 2})
        return [
            f"{name_of(part)} ({slot}) needs {demand.what}"
            for slot, part in self.parts()
            for demand in demands_of(part)
            if not demand.met(Company(part, slot, self, relaxation))
        ]


def name_of(part: Any) -> str:
    """A part's name for people."""
    part = getattr(part, "func", part)  # of a functools.partial
    part = part.__self__ if inspect.ismethod(part) else part
    return str(getattr(part, "__name__", type(part).__name__))
