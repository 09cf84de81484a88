"""The classic one-line text, read as data: the syntax tree is walked, never evaluated."""

from __future__ import annotations

import ast
from typing import Any

from nni_darts.errors import ConfigError

#: Far above any genotype; keeps a hostile text from exhausting the parser.
MAX_LENGTH = 20_000
_MAX_STATES = 1_000


def field_names(text: str) -> list[str]:
    """The fields that ``Genotype(...)`` names."""
    return [keyword.arg for keyword in _find_call(text).keywords if keyword.arg is not None]


def read_call(text: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The fields ``names`` of ``Genotype(...)`` as plain lists and ranges, not yet checked as cells.

    An assignment (``DARTS_V2 = Genotype(...)``, a line of a ``genotypes.py``) is read as well.

    Raises
    ------
    ConfigError
        If the text is anything but one such call with literal arguments.
    """
    call = _find_call(text)
    given: dict[str, ast.expr] = dict(zip(names, call.args, strict=False))
    problems = []
    if len(call.args) > len(names):
        problems.append(f"Genotype(...) takes {len(names)} fields, got {len(call.args)}.")
    for keyword in call.keywords:
        if keyword.arg not in names:
            known = ", ".join(names)
            problems.append(f"Genotype(...) has no field {keyword.arg!r}; its fields are {known}.")
        elif keyword.arg in given:
            problems.append(f"Genotype(...) has the field {keyword.arg!r} twice.")
        else:
            given[keyword.arg] = keyword.value
    problems += [f"Genotype(...) lacks the field {name!r}." for name in names if name not in given]
    fields = {}
    for name, node in given.items():
        try:
            fields[name] = _literal(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            problems.append(f"Genotype(...): the field {name!r} is neither a list of literals nor a range.")
    if problems:
        raise ConfigError(*problems)
    return fields


def _find_call(text: str) -> ast.Call:
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"A genotype text of {len(text)} characters is too long (at most {MAX_LENGTH}).")
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ConfigError(f"This is no genotype text ({type(error).__name__}): {_shown(text)}") from None
    if len(body) == 1 and isinstance(body[0], ast.Expr | ast.Assign):
        value = body[0].value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Genotype":
            return value
    raise ConfigError(f"A genotype text is one Genotype(normal=[...], ...), got {_shown(text)}")


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        if node.keywords or not 1 <= len(node.args) <= 3:
            raise ValueError("range takes one to three numbers")
        numbers = range(*(ast.literal_eval(argument) for argument in node.args))
        if len(numbers) > _MAX_STATES:
            raise ValueError("range is too long")
        return numbers
    return ast.literal_eval(node)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
