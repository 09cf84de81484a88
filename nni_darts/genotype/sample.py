"""Genotype <-> NNI sample of a cell space.

Labels: ``{cell}/edge_{j}_{i}`` holds the operation from state j to node i, for every edge of the cell;
``{cell}/input_{i}`` the states that node i takes, in the genotype's order: two in a normal or reduction cell,
one in a recurrent cell. NNI asks for a value under every label, so an edge that was not chosen carries an
inert value, ``none`` where that is a candidate and else the first of them: the forms are a bijection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, TypeVar

from nni_darts.errors import ConfigError
from nni_darts.genotype.candidates import candidates
from nni_darts.genotype.candidates import inert as inert_of
from nni_darts.genotype.cell import RECURRENT, Edge
from nni_darts.genotype.genotype import KINDS, AnyGenotype, CellGenotype, Genotype, RecurrentGenotype

_LABEL = re.compile(r"(\w+)/(?:edge_(\d+)_(\d+)|input_(\d+))")

Kind = TypeVar("Kind", bound=CellGenotype)


def edge_label(cell: str, source: int, node: int) -> str:
    """Label of the choice of operation from state ``source`` to ``node``."""
    return f"{cell}/edge_{source}_{node}"


def input_label(cell: str, node: int) -> str:
    """Label of the choice of the inputs of ``node``."""
    return f"{cell}/input_{node}"


def is_cell_sample(sample: Mapping[str, Any]) -> bool:
    """Whether every label is one of a cell space (values are not looked at)."""
    matches = [_LABEL.fullmatch(str(label)) for label in sample]
    found = {None if match is None else match[1] for match in matches}
    return bool(found) and any(found <= set(kind.cells) for kind in KINDS)


def chosen_operations(sample: Mapping[str, Any]) -> list[str]:
    """Names of the operations that a sample uses; in a cell space those of the edges that nodes take."""
    if not is_cell_sample(sample):
        return [value for value in sample.values() if isinstance(value, str)]
    found = []
    for label, sources in sample.items():
        cell, _, name = label.partition("/input_")
        if name:
            found += [sample[edge_label(cell, source, int(name))] for source in sources]
    return found


def obstacles(genotype: CellGenotype) -> list[str]:
    """Why a genotype has no sample: one sentence each, empty if it has one."""
    problems = []
    if len({len(genotype.edges(cell)) for cell in genotype.cells}) > 1:
        problems.append("The normal and the reduction cell differ in their number of nodes.")
    form = genotype.form
    for cell in genotype.cells:
        edges, concat = genotype.edges(cell), genotype.concat(cell)
        for position, (first, second) in enumerate(pairwise(edges)):
            if first[1] == second[1] and form.node(position) == form.node(position + 1):
                problems.append(f"A node of the {cell} cell takes input {first[1]} twice.")
        if concat != tuple(genotype.nodes(cell)):
            joins = "averages" if cell == RECURRENT else "concatenates"
            problems.append(f"The {cell} cell {joins} {list(concat)}, not all its nodes in order.")
    return problems


def sample_of(
    genotype: CellGenotype, *, space: str | None = None, inert: str | None = None
) -> dict[str, Any]:
    """NNI's sample of a genotype of a built-in cell space.

    Parameters
    ----------
    space
        By default the one that cells of this kind are of.
    inert
        What edges that are not chosen carry, in place of the space's own.

    Raises
    ------
    ConfigError
        For cells outside the space: a node that takes one input twice, or an unusual output.
    """
    problems = obstacles(genotype)
    if problems:
        raise ConfigError("This genotype has no NNI sample.", *problems)
    sample: dict[str, Any] = {}
    for cell in genotype.cells:
        chosen: dict[int, dict[int, str]] = {node: {} for node in genotype.nodes(cell)}
        for position, (name, source) in enumerate(genotype.edges(cell)):
            chosen[genotype.form.node(position)][source] = name
        for node, operations in chosen.items():
            for source in range(node):
                idle = inert or inert_of(candidates(space or genotype.space, cell, (source, node)))
                sample[edge_label(cell, source, node)] = operations.get(source, idle)
            sample[input_label(cell, node)] = list(operations)
    return sample


def genotype_of(sample: Mapping[str, Any], nodes: int | None = None) -> Genotype:
    """Genotype of a sample of normal and reduction cells; operations on idle edges are ignored.

    A network of one or two cells has reduction cells only, so its samples speak of one cell type; the
    other is written as a copy of it.

    Parameters
    ----------
    nodes
        Number of nodes per cell; by default as many as the labels say.

    Raises
    ------
    ConfigError
        With one sentence per missing, unknown or impossible label.
    """
    return _read(Genotype, sample, nodes)


def recurrent_genotype_of(sample: Mapping[str, Any], nodes: int | None = None) -> RecurrentGenotype:
    """The same of a sample of a recurrent cell."""
    return _read(RecurrentGenotype, sample, nodes)


def any_genotype_of(sample: Mapping[str, Any]) -> AnyGenotype:
    """The genotype of the kind that the labels are of."""
    recurrent = any(_speaks_of(label, RECURRENT) for label in sample)
    return recurrent_genotype_of(sample) if recurrent else genotype_of(sample)


def _read(kind: type[Kind], sample: Mapping[str, Any], nodes: int | None) -> Kind:
    present = [cell for cell in kind.cells if any(_speaks_of(label, cell) for label in sample)] or kind.cells
    first = kind.form.inputs
    if nodes is None:
        nodes = max(1, sum(str(label).startswith(f"{present[0]}/input_") for label in sample))
    expected = {
        label
        for cell in present
        for node in range(first, first + nodes)
        for label in (input_label(cell, node), *(edge_label(cell, source, node) for source in range(node)))
    }
    problems = [f"The sample has an unknown label {label!r}." for label in sample if label not in expected]
    problems += [f"The sample lacks the label {label!r}." for label in sorted(expected - set(sample))]
    if problems:
        raise ConfigError(*problems)
    cells: dict[str, list[Edge]] = {cell: [] for cell in present}
    for cell in present:
        for node in range(first, first + nodes):
            label = input_label(cell, node)
            sources = sample[label]
            if not _inputs(sources, node, kind.form.taken):
                wanted = "two different inputs" if kind.form.taken == 2 else "one input"
                problems.append(f"{label}: expected {wanted} between 0 and {node - 1}, got {sources!r}.")
            else:
                cells[cell] += [(sample[edge_label(cell, source, node)], source) for source in sources]
    if problems:
        raise ConfigError(*problems)
    return kind.of_cells({cell: (cells.get(cell, cells[present[-1]]), None) for cell in kind.cells})


def _speaks_of(label: Any, cell: str) -> bool:
    return str(label).startswith(f"{cell}/")


def _inputs(sources: Any, node: int, taken: int) -> bool:
    return (
        isinstance(sources, list | tuple)
        and len(sources) == len(set(map(repr, sources))) == taken
        and all(isinstance(source, int) and not isinstance(source, bool) for source in sources)
        and all(0 <= source < node for source in sources)
    )
