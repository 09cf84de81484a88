"""Checks of an architecture against its space, and pydantic's findings as sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from nni_darts.genotype.candidates import CELL_SPACES, DARTS_RNN, ROBUST, ROBUST_NODES, candidates
from nni_darts.genotype.genotype import CellGenotype, Genotype, RecurrentGenotype
from nni_darts.genotype.names import ACTIVATIONS, OPERATION_NAMES


def unknown_operations(names: Collection[str], known: Collection[str] = OPERATION_NAMES) -> list[str]:
    """One sentence per operation that is not known, with the nearest known name."""
    problems = []
    for name in sorted(set(names) - set(known)):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        problems.append(f"The operation {name!r} is unknown; {hint}")
    return problems


def space_problems(genotype: CellGenotype, space: str, macro: Mapping[str, Any]) -> list[str]:
    """Why a genotype does not fit the built-in space (a user's own space knows its operations itself)."""
    if space not in CELL_SPACES:
        return []
    kind = RecurrentGenotype if space == DARTS_RNN else Genotype
    if not isinstance(genotype, kind):
        return [f"The space {space} has the cells {', '.join(kind.cells)}, not {', '.join(genotype.cells)}."]
    known = ACTIVATIONS if space == DARTS_RNN else OPERATION_NAMES
    used = {name for cell in genotype.cells for name, _ in genotype.edges(cell)}
    problems = unknown_operations(used, known)
    nodes = ROBUST_NODES if space in ROBUST else macro.get("nodes")
    if not problems and space in ROBUST:
        problems = list(_not_offered(genotype, space))
    for cell in genotype.cells:
        count = len(genotype.nodes(cell))
        if nodes is not None and nodes != count:
            told = f"the space {space} has {nodes}" if space in ROBUST else f"macro.nodes is {nodes!r}"
            problems.append(f"The {cell} cell has {count} nodes, but {told}.")
    return problems


def _not_offered(genotype: CellGenotype, space: str) -> Iterator[str]:
    """Operations on edges for which the space has others."""
    for cell in genotype.cells:
        for position, (name, source) in enumerate(genotype.edges(cell)):
            edge = (source, genotype.form.node(position))
            offered = candidates(space, cell, edge)
            if offered and name not in offered:
                yield (
                    f"The {cell} cell has {name!r} from {source} to {edge[1]}, where the space {space} "
                    f"offers {', '.join(offered)}."
                )


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
