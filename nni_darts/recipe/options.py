"""Options of functions and classes: which there are, and whether given values can be theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from nni_darts.config.problem import expected, shown, suggestion

Parameters = dict[str, inspect.Parameter]


def options_of(target: Callable[..., Any], passed: int = 0) -> Parameters:
    """The parameters of a function or class, without the first ``passed``, which are no options."""
    return dict(list(inspect.signature(target).parameters.items())[passed:])


def checked_options(
    target: Callable[..., Any], given: Mapping[str, Any], where: str, who: str, passed: int = 0
) -> tuple[dict[str, Any], list[str]]:
    """The values as the annotations of ``target`` want them, and what is wrong with others, as sentences.

    Parameters
    ----------
    where, who
        Path of the options, and of whom they are.
    """
    parameters = options_of(target, passed)
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    hints = _hints(target)
    values: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if name not in parameters and not anything:
            hint = suggestion(name, parameters) if parameters else "It has no options."
            problems.append(f"{where}.{name}: {who} has no such option. {hint}")
            continue
        try:
            values[name] = _value(value, hints.get(name))
        except ValueError as wanted:
            problems.append(f"{where}.{name}: expected {wanted}, got {shown(value)}.")
    problems += [
        f"{where}.{name}: is missing; {who} needs it."
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in given
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    return values, problems


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    of = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    try:
        return get_type_hints(of, include_extras=True)
    except (NameError, TypeError):  # of a user's own; names that only a type checker imports
        return {}


def _value(value: Any, hint: Any) -> Any:
    """``value`` as the annotation has it; a ValueError says in words what that would be."""
    try:
        adapter = TypeAdapter(hint)
        schema = adapter.json_schema()
    except (PydanticUserError, ValueError, TypeError):  # nothing that a file could hold
        return value
    if isinstance(value, bool) and schema.get("type") in ("integer", "number"):
        raise ValueError(expected(schema, schema))
    try:
        found = adapter.validate_python(value)
    except ValidationError:
        raise ValueError(expected(schema, schema)) from None
    return value if found == value else found  # 0 stays 0 where a number is wanted, for messages
