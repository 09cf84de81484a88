"""Checks of an architecture against its space, and pydantic's findings as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from nni_darts.genotype.cell import CELLS
from nni_darts.genotype.genotype import Genotype
from nni_darts.genotype.names import OPERATION_NAMES


def unknown_operations(genotype: Genotype) -> list[str]:
    """One sentence per operation that is not built in."""
    named = {name for cell in CELLS for name, _ in genotype.edges(cell)}
    problems = []
    for name in sorted(named - set(OPERATION_NAMES)):
        near = get_close_matches(name, OPERATION_NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(OPERATION_NAMES)}."
        problems.append(f"The genotype uses the unknown operation {name!r}; {hint}")
    return problems


def space_problems(genotype: Genotype, space: str, macro: Mapping[str, Any]) -> list[str]:
    """Why a genotype does not fit the built-in space (a user's own space knows its operations itself)."""
    if space != "darts":
        return []
    problems = unknown_operations(genotype)
    nodes = macro.get("nodes")
    for cell in CELLS:
        count = len(genotype.edges(cell)) // 2
        if nodes is not None and nodes != count:
            problems.append(f"The {cell} cell has {count} nodes, but macro.nodes is {nodes!r}.")
    return problems


def sentences(error: ValidationError) -> list[str]:
    """One sentence per finding: the field, what came, what is right."""
    found = []
    for item in error.errors(include_url=False):
        field = ".".join(map(str, item["loc"])) or "The architecture"
        if item["type"] == "extra_forbidden":
            found.append(f"{field}: unknown field.")
        elif item["type"] == "missing":
            found.append(f"{field}: missing.")
        else:
            found.append(f"{field}: {item['msg']}, got {item['input']!r}.")
    return found
