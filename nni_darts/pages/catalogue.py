"""What there is by name, read from the registry, the recipes and the parts themselves."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

from nni_darts.pages.markdown import plain
from nni_darts.parts.architect import first_order
from nni_darts.parts.named import SLOTS
from nni_darts.recipe import Method, Recipe, methods, name_of
from nni_darts.recipe.combination import find
from nni_darts.recipe.options import options_of
from nni_darts.stages.defined import spaces_of

REQUIRED = "(required)"
"""Stands where an option has no default."""


@dataclass(frozen=True)
class MethodEntry:
    """One method.

    ``parts``: slot -> names of what stands there and not in first-order DARTS; ``spaces``: of ours, on which
    it is defined; both of its recipe with default options.
    """

    name: str
    summary: str
    paper: str
    parts: dict[str, list[str]]
    spaces: list[str]
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class PartEntry:
    """One part that has a name: its slot, the first line of its docstring, its options and their defaults."""

    slot: str
    name: str
    summary: str
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def method_entries() -> list[MethodEntry]:
    """All registered methods."""
    return [entry_of(method) for method in methods().values()]


def entry_of(method: Method) -> MethodEntry:
    """What one method is."""
    recipe = method.build()
    return MethodEntry(
        method.name, method.summary, method.paper, replaced(recipe), spaces_of(recipe), method.options
    )


def replaced(recipe: Recipe) -> dict[str, list[str]]:
    """Slot -> names of a recipe's parts, where they are not those of first-order DARTS."""
    darts = Recipe(architect=first_order)
    found = {}
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if value != getattr(darts, field.name):
            parts = value if isinstance(value, tuple) else (value,)
            found[field.name] = [known_as(field.name, part) for part in parts]
    return found


def known_as(slot: str, part: Any) -> str:
    """The name of a part in files, or what it is called in Python; a number is itself."""
    if _is_plain(part):
        return str(part)
    called = name_of(part)
    return _names(slot).get(called, called)


@cache
def _names(slot: str) -> dict[str, str]:
    """What a part of a slot is called in Python -> its name."""
    found = {}
    for name in SLOTS[slot].parts if slot in SLOTS else ():
        part: Any = find(slot, name, slot)
        if getattr(part, "makes_part", False):
            made = part()
            part = made.get(slot) if isinstance(made, dict) else made  # none where it fills other slots
            part = part[0] if isinstance(part, tuple) else part
        found[name_of(part)] = name
    return found


def part_entries() -> list[PartEntry]:
    """All parts that have a name, slot by slot."""
    return [_part(slot, name) for slot in SLOTS for name in SLOTS[slot].parts]


def _part(slot: str, name: str) -> PartEntry:
    target = find(slot, name, slot)
    makes = getattr(target, "makes_part", False)
    passed = 0 if makes or (isinstance(target, type) and slot != "relaxation") else SLOTS[slot].passed
    summary = plain((inspect.getdoc(target) or "").partition("\n")[0])
    parameters = options_of(target, passed)
    options = {
        key: REQUIRED if option.default is option.empty else option.default
        for key, option in parameters.items()
        if _is_plain(option.default) or option.default is option.empty
    }
    return PartEntry(slot, name, summary, options)


def _is_plain(value: Any) -> bool:
    """Whether a file could hold it."""
    return value is None or isinstance(value, bool | int | float | str | tuple | list)
