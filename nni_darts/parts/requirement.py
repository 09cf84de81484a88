"""What a part needs of a space. A method on a space that lacks it is refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from nni_darts.supernet.structure import Structure

Part = TypeVar("Part")


@dataclass(frozen=True)
class Requirement:
    """``what`` completes the sentence "the part needs ..."; ``met`` says whether a space has it."""

    what: str
    met: Callable[[Structure], bool]


NODES = Requirement("nodes that choose among their incoming edges", lambda structure: bool(structure.nodes))

IMAGES = Requirement(
    "edges between images, not between the vectors of a recurrent cell",
    lambda structure: not any(label.startswith("recurrent/") for label in structure.choices),
)


def cells_of_type(name: str) -> Requirement:
    """Cells whose labels begin with ``name/``, such as ``reduce``."""
    return Requirement(
        f'cells of the type "{name}"',
        lambda structure: any(label.startswith(f"{name}/") for label in structure.choices),
    )


def operation(name: str) -> Requirement:
    """A choice that offers an operation, such as ``skip_connect``."""
    return Requirement(
        f'the operation "{name}"',
        lambda structure: any(name in choice.values for choice in structure.choices.values()),
    )


def requires(*requirements: Requirement) -> Callable[[Part], Part]:
    """Declare what the function or class below needs of a space that it is used on."""

    def declare(part: Part) -> Part:
        part.requirements = (*requirements_of(part), *requirements)  # type: ignore[attr-defined]
        return part

    return declare


def requirements_of(part: Any) -> tuple[Requirement, ...]:
    """What a part has declared; of a ``functools.partial`` what its function has."""
    found = getattr(part, "requirements", None)
    return tuple(found if found is not None else getattr(getattr(part, "func", None), "requirements", ()))
