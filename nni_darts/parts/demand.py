"""What a part needs of the other parts of its recipe. What lacks it is refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nni_darts.parts.relaxation import Relaxation

if TYPE_CHECKING:
    from nni_darts.recipe import Recipe

Part = TypeVar("Part")


@dataclass(frozen=True)
class Company:
    """A part, the slot it fills, and the recipe around it; ``relaxation``: one of the recipe's kind."""

    part: Any
    slot: str
    recipe: Recipe
    relaxation: Relaxation


@dataclass(frozen=True)
class Demand:
    """``what`` completes the sentence "the part needs ..."; ``met`` says whether a recipe has it."""

    what: str
    met: Callable[[Company], bool]


REPEATABLE = Demand(
    "a relaxation that draws nothing, so that two losses are of the same mixture",
    lambda company: not company.relaxation.draws,
)
MIXTURES = Demand(
    "mixtures whose weights sum to 1, not gates that do not compete",
    lambda company: company.relaxation.competes,
)
GATES = Demand(
    "gates that do not compete, such as relaxation: sigmoid",
    lambda company: not company.relaxation.competes,
)
ZEROS = Demand(
    "weights that are 0 for what is not chosen, such as relaxation: {name: gumbel-softmax, hard: true}",
    lambda company: company.relaxation.chooses,
)
TEMPERATURE = Demand(
    "a relaxation with a temperature, such as gumbel-softmax",
    lambda company: hasattr(company.relaxation, "temperature"),
)
NOTHING_LEARNED = Demand(
    "architect: none, since it reads no architecture parameters",
    lambda company: not getattr(company.recipe.architect, "learns", True),
)
OUTER = Demand(
    "to stand in outer_regularisers, unless architect is single-level: other weight steps see no alphas",
    lambda company: (
        company.slot == "outer_regularisers" or getattr(company.recipe.architect, "one_level", False)
    ),
)
NO_OUTER_PENALTY = Demand(
    "outer_regularisers to be empty: it computes no outer loss",
    lambda company: not company.recipe.outer_regularisers,
)
NO_STOPPING = Demand(
    "stopping to be empty: it goes on after the last epoch, and a stop comes with an architecture of its own",
    lambda company: company.recipe.stopping is None,
)
READ_WEIGHTS = Demand(
    "a derivation that reads the weights of the mixture, in which its decisions are",
    lambda company: NOTHING_LEARNED not in demands_of(company.recipe.derivation),
)
OWN_LAYER = Demand(
    "to be the only part of edges that makes a layer of its own",
    lambda company: sum(map(_makes_layer, company.recipe.edges)) == 1,
)


def _makes_layer(part: Any) -> bool:
    return OWN_LAYER in demands_of(part)


def demands(*wanted: Demand) -> Callable[[Part], Part]:
    """Declare what the function or class below needs of the other parts of a recipe."""

    def declare(part: Part) -> Part:
        part.demands = (*demands_of(part), *wanted)  # type: ignore[attr-defined]
        return part

    return declare


def demands_of(part: Any) -> tuple[Demand, ...]:
    """What a part has declared; of a ``functools.partial`` what its function has."""
    found = getattr(part, "demands", None)
    return tuple(found if found is not None else getattr(getattr(part, "func", None), "demands", ()))
