"""The resolved configuration as YAML that says of every value where it came from, and still loads as one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import yaml


def resolved_yaml(settings: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> str:
    """``settings`` as YAML with one value a line and its origin as the comment behind it.

    ``origins`` maps dotted paths to words such as ``default`` or ``--epochs``; a value without an
    entry of its own takes that of the nearest group around it.
    """
    return "".join(f"{line}\n" for line in _lines(settings, origins or {}, (), ""))


def _lines(
    group: Mapping[str, Any], origins: Mapping[str, str], path: tuple[str, ...], origin: str
) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in group.items():
        here = (*path, str(key))
        source = origins.get(".".join(here), origin)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, origins, here, source)
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(value)}" + (f"  # {source}" if source else "")


def _scalar(value: Any) -> str:
    """One line of YAML for a scalar, a list or an empty mapping."""
    # Plain and single-quoted text breaks at a newline; double-quoted text escapes it.
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, width=math.inf, sort_keys=False
    )
    return text.removesuffix("...\n").strip()
