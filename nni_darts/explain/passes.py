"""How often a step of a method goes through the network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.recipe import Recipe


@dataclass(frozen=True)
class Passes:
    """Of one step, the weight step's included."""

    forwards: int
    backwards: int
    what: str

    def and_before_the_weights(self, extra: Passes) -> Passes:
        """With those that a weight step needs beyond its own."""
        first, _, last = self.what.rpartition(", then ")
        what = f"{first}, {extra.what}, then {last}"
        return Passes(self.forwards + extra.forwards, self.backwards + extra.backwards, what)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


FIRST = Passes(2, 2, "the architecture at the current weights, then the weights")
DIFFERENCE = Passes(
    5,
    5,
    "training at w, validation at w', training at w + Rv and w - Rv for the architecture, then the weights",
)
EXACT = Passes(
    3, 4, "training at w, validation at w', the derivative of the first gradient, then the weights"
)


def passes_of(recipe: Recipe) -> Passes | None:
    """Of a step that moves the architecture; None where the architect does not tell."""
    if recipe.architect is first_order:
        passes = FIRST
    elif isinstance(recipe.architect, Unrolled):
        passes = EXACT if recipe.architect.exact else DIFFERENCE
    elif own := getattr(recipe.architect, "passes", None):
        passes = Passes(*own)
    else:
        return None
    extra = getattr(recipe.weight_step, "extra_passes", None)  # forwards, backwards, and what they are
    return passes if extra is None else passes.and_before_the_weights(Passes(*extra))
