"""Which parts of a method may be recorded."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from nni_darts.recipe import Recipe
    from nni_darts.state import SearchState

Part = TypeVar("Part", bound=Callable[..., Any])


def capturable(part: Part) -> Part:
    """Declare that a part can be recorded; for functions and classes, as a decorator.

    A Lightning module says so of its ``training_step`` and ``validation_step``, whose results nobody reads.

    It promises: no number is read back from the device (``.item()``, ``float(tensor)``, ``if tensor``);
    no branch depends on the epoch or the step, nor on a host value that changes, unless the part has a
    method ``capture_key(state)`` that returns it; what a schedule changes is a tensor, in place, or is in
    a ``capture_key``, or is ``state.architecture_moves``.
    """
    part.capturable = True  # type: ignore[attr-defined]
    return part


def is_capturable(part: Any) -> bool:
    """Whether a part of a recipe is one of those checked here, or declares itself."""
    known = _known()
    part = getattr(part, "func", part)  # of a functools.partial
    own = getattr(part, "capturable", False) is True
    return own or any(item is part or item is type(part) for item in known)


def undeclared(recipe: Recipe) -> list[str]:
    """``"architect mine"`` for every part that acts within a step and may not be recorded."""
    return [f"{role} {_name(part)}" for role, part in _acting(recipe) if not is_capturable(part)]


def capture_keys(recipe: Recipe, state: SearchState) -> tuple[Hashable, ...]:
    """The host values on which the recipe's parts say that their step depends."""
    parts = [part for _, part in _acting(recipe)] + [state.relaxation]
    keys = [getattr(part, "capture_key", None) for part in parts if not isinstance(part, type)]
    return tuple(key(state) for key in keys if callable(key))


def _acting(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    for role in ("architect", "relaxation", "forward", "weight_step"):
        yield role.replace("_", " "), getattr(recipe, role)
    for role, parts in (
        ("edge", recipe.edges),
        ("regulariser", (*recipe.outer_regularisers, *recipe.inner_regularisers)),
        ("schedule", recipe.schedules),
    ):
        for part in parts:
            yield role, part


@lru_cache(maxsize=1)
def _known() -> tuple[Any, ...]:
    from nni_darts.parts.architect import Unrolled, first_order
    from nni_darts.parts.forward import weighted_sum
    from nni_darts.parts.relaxation import Softmax
    from nni_darts.parts.schedule import WarmUp
    from nni_darts.parts.weight_step import descend

    return (first_order, Unrolled, weighted_sum, Softmax, WarmUp, descend)


def _name(part: Any) -> str:
    return str(getattr(part, "__name__", type(part).__name__))
