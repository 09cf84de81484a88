"""A recipe with parts that are named: how ``method.parts`` of a file becomes parts of a recipe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nni_darts.config.consistency import is_dotted
from nni_darts.config.problem import dotted, shown, suggestion
from nni_darts.errors import ConfigError
from nni_darts.parts.named import SLOTS
from nni_darts.recipe.options import checked_options

if TYPE_CHECKING:
    from nni_darts.recipe import Recipe

WHERE = ("method", "parts")
"""Path of the parts in the settings."""


def combined(recipe: Recipe, parts: Mapping[str, Any]) -> Recipe:
    """The recipe with ``parts``: slot -> part, or several parts where the slot holds several.

    A part is a name, a dotted name ``package.module:name``, a mapping with ``name`` and options, or the part
    itself. In slots that hold several parts they follow the recipe's own; elsewhere they replace it.

    Raises
    ------
    ConfigError
        Every slot, name, option and value that is wrong.
    """
    problems: list[str] = []
    found: dict[str, Any] = {}
    filled_by: dict[str, str] = {}
    for slot, given in parts.items():
        for where, spec in _listed(slot, given, problems):
            try:
                made = _made(slot, spec, where)
            except ConfigError as error:
                problems += error.problems
                continue
            for name, part in made.items():
                own = found.get(name, getattr(recipe, name))
                if isinstance(own, tuple):
                    found[name] = (*own, *(part if isinstance(part, tuple) else (part,)))
                elif name in filled_by:
                    problems.append(f"{where}: fills {name}, which {filled_by[name]} has filled; give one.")
                else:
                    found[name], filled_by[name] = part, where
    if problems:
        raise ConfigError(*problems)
    return recipe.but(**found)


def _listed(slot: str, given: Any, problems: list[str]) -> Iterable[tuple[str, Any]]:
    """Path and content of every part that is given for a slot."""
    where = dotted((*WHERE, slot))
    if slot not in SLOTS:
        problems.append(f"{where}: no slot of a recipe. {suggestion(slot, SLOTS)}")
        return []
    if not isinstance(given, list | tuple):
        return [(where, given)]
    if not SLOTS[slot].many:
        problems.append(f"{where}: takes one part, got a list of {len(given)}.")
        return []
    return [(dotted((*WHERE, slot, place)), spec) for place, spec in enumerate(given)]


def _made(slot: str, spec: Any, where: str) -> dict[str, Any]:
    """Slot -> part, for all slots that a part fills."""
    if not isinstance(spec, str | Mapping | bool | int | float | list | tuple | None):
        return {slot: spec}  # from Python: the part itself
    options = {}
    if isinstance(spec, Mapping):
        options = {str(key): value for key, value in spec.items() if key != "name"}
        spec = spec.get("name")
    if not isinstance(spec, str):
        raise ConfigError(f"{where}: expected a name, or a group of name and options, got {shown(spec)}.")
    target = find(slot, spec, where)
    makes = getattr(target, "makes_part", False)
    is_class = isinstance(target, type)
    if not is_class and not makes and not inspect.isroutine(target) and not options:
        return {slot: target}  # a part that somebody has made
    passed = 0 if makes or (is_class and slot != "relaxation") else SLOTS[slot].passed
    values, problems = checked_options(target, options, where, spec, passed)
    if problems:
        raise ConfigError(*problems)
    if not makes and (not is_class or slot == "relaxation"):
        return {slot: partial(target, **values) if values else target}
    made = _called(target, values, where)
    return made if isinstance(made, dict) else {slot: made}


def find(slot: str, name: str, where: str) -> Callable[..., Any]:
    """What a name stands for in a slot."""
    known = SLOTS[slot].parts
    if name not in known and not is_dotted(name):
        hint = suggestion(name, known) if known else "No part of this slot has a name."
        raise ConfigError(f'{where}: unknown part "{name}". {hint} (a package.module:name works too)')
    module, _, attribute = known.get(name, name).partition(":")
    try:
        target: Any = getattr(import_module(module), attribute)
    except Exception as error:  # a user's module may raise anything while it is imported
        reason = str(error) or type(error).__name__
        raise ConfigError(f'{where}: "{name}" cannot be imported: {reason}.') from error
    if not callable(target):
        raise ConfigError(f'{where}: "{name}" is {shown(target)}, neither a function nor a class.')
    found: Callable[..., Any] = target
    return found


def _called(target: Callable[..., Any], values: dict[str, Any], where: str) -> Any:
    """The result; what the part says of its options is told with their path here."""
    try:
        return target(**values)
    except ConfigError as error:
        raise ConfigError(*(_moved(problem, where) for problem in error.problems)) from error
    except (TypeError, ValueError) as error:  # of a user's own
        raise ConfigError(f"{where}: {error}") from error


def _moved(problem: str, where: str) -> str:
    """A sentence on ``method.option`` or ``method`` as one on the part."""
    head, colon, rest = problem.partition(": ")
    if head == "method" or head.startswith("method."):
        return f"{where}{head.removeprefix('method')}{colon}{rest}"
    return f"{where}: {problem}"
