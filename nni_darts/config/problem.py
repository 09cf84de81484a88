"""A problem in a file: where it is, and one sentence on what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """``path``: keys from the top of the settings; ``text``: the rest of the sentence."""

    path: Path
    text: str

    @classmethod
    def of(cls, sentence: str) -> Problem:
        """A sentence that begins with its key path, as those of a ConfigError do."""
        head, colon, rest = sentence.partition(": ")
        return cls(tuple(head.split(".")), rest) if colon and " " not in head else cls((), sentence)

    def under(self, *prefix: str | int) -> Problem:
        """The same problem seen from further out."""
        return Problem((*prefix, *self.path), self.text)

    def __str__(self) -> str:
        where = dotted(self.path)
        return f"{where}: {self.text}" if where else self.text


def dotted(path: Path) -> str:
    """``("retrain", "seeds", 0)`` as ``retrain.seeds[0]``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def suggestion(given: str, known: Iterable[str]) -> str:
    """A clause that names near matches, or all that is known where there are few and none is near."""
    known = list(known)
    plain = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(given.lower().replace("-", "_"), plain, n=2, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(plain[name] for name in near)}?"
    return f"Known: {', '.join(known)}."


def checked(model: type[BaseModel], data: Mapping[str, Any]) -> BaseModel | list[Problem]:
    """``data`` as ``model``, or every problem in it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        schema = model.model_json_schema()
        return [_problem(item, schema) for item in error.errors()]


def _problem(error: Any, schema: dict[str, Any]) -> Problem:
    path: Path = tuple(error["loc"])
    given = error["input"]
    if error["type"] == "extra_forbidden":
        siblings = _at(schema, path[:-1]).get("properties", {})
        return Problem(path, f"unknown key. {suggestion(str(path[-1]), siblings)}")
    if error["type"] == "missing":
        return Problem(path, f"is missing; give {expected(_at(schema, path), schema)}.")
    return Problem(path, f"expected {expected(_at(schema, path), schema)}, got {shown(given)}.")


def shown(value: Any) -> str:
    """The given value as the user would recognise it, with its kind where that may surprise."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, str):
        return f'"{value}" (text)'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"a group with the keys {', '.join(map(str, value)) or '(none)'}"
    return str(value)


def _at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    """The part of a JSON schema that describes the value at ``path``."""
    here = _resolve(schema, schema)
    for key in path:
        variants = [_resolve(variant, schema) for variant in here.get("anyOf", [here])]
        for variant in variants:
            if isinstance(key, int) and ("items" in variant or "prefixItems" in variant):
                prefix = variant.get("prefixItems", [])
                here = _resolve(prefix[key] if key < len(prefix) else variant.get("items", {}), schema)
                break
            if key in variant.get("properties", {}):
                here = _resolve(variant["properties"][key], schema)
                break
        else:
            return {}
    return here


def _resolve(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[1]] if reference else part


_BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}


def expected(part: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    part = _resolve(part, schema)
    if "expected" in part:
        return str(part["expected"])
    if "anyOf" in part:
        return " or ".join(expected(variant, schema) for variant in part["anyOf"])
    if "enum" in part:
        return " or ".join(map(str, part["enum"]))
    if "const" in part:
        return str(part["const"])
    kind = part.get("type")
    if kind in ("number", "integer"):
        bounds = [f"{sign} {part[key]:.15g}" for key, sign in _BOUNDS.items() if key in part]
        return " ".join(["a whole number" if kind == "integer" else "a number", " and ".join(bounds)]).strip()
    if kind == "array":
        if "prefixItems" in part:
            return f"a list of {len(part['prefixItems'])}: " + ", ".join(
                expected(item, schema) for item in part["prefixItems"]
            )
        least = part.get("minItems", 0)
        return (
            f"a list of {f'at least {least} of ' if least else ''}{expected(part.get('items', {}), schema)}"
        )
    return {"boolean": "true or false", "string": "text", "object": "a group of keys", "null": "null"}.get(
        str(kind), "another value"
    )
