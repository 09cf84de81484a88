"""Genotype <-> NNI sample of a cell space.

Labels: ``{cell}/edge_{j}_{i}`` holds the operation from state j to node i, for every edge of the cell;
``{cell}/input_{i}`` the two states that node i takes, in the genotype's order. NNI asks for a value under
every label, so an edge that was not chosen carries an inert value, ``none`` where that is a candidate and
else the first of them: the two forms are a bijection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nni_darts.errors import ConfigError
from nni_darts.genotype.candidates import candidates
from nni_darts.genotype.candidates import inert as inert_of
from nni_darts.genotype.cell import CELLS, Edge
from nni_darts.genotype.genotype import Genotype

_LABEL = re.compile(r"(normal|reduce)/(?:edge_(\d+)_(\d+)|input_(\d+))")


def edge_label(cell: str, source: int, node: int) -> str:
    """Label of the choice of operation from state ``source`` to ``node``."""
    return f"{cell}/edge_{source}_{node}"


def input_label(cell: str, node: int) -> str:
    """Label of the choice of the two inputs of ``node``."""
    return f"{cell}/input_{node}"


def is_cell_sample(sample: Mapping[str, Any]) -> bool:
    """Whether every label is one of a cell space (values are not looked at)."""
    return bool(sample) and all(_LABEL.fullmatch(str(label)) for label in sample)


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


def obstacles(genotype: Genotype) -> list[str]:
    """Why a genotype has no sample: one sentence each, empty if it has one."""
    problems = []
    if len(genotype.normal) != len(genotype.reduce):
        problems.append("The normal and the reduction cell differ in their number of nodes.")
    for cell in CELLS:
        edges, concat = genotype.edges(cell), genotype.concat(cell)
        for first, second in zip(edges[::2], edges[1::2], strict=True):
            if first[1] == second[1]:
                problems.append(f"A node of the {cell} cell takes input {first[1]} twice.")
        if concat != tuple(range(2, 2 + len(edges) // 2)):
            problems.append(f"The {cell} cell concatenates {list(concat)}, not all its nodes in order.")
    return problems


def sample_of(genotype: Genotype, *, space: str = "darts", inert: str | None = None) -> dict[str, Any]:
    """NNI's sample of a genotype of a built-in cell space.

    Parameters
    ----------
    inert
        What edges that are not chosen carry, in place of the space's own.

    Raises
    ------
    ConfigError
        For cells outside the space: a node that takes one input twice, or an unusual concatenation.
    """
    problems = obstacles(genotype)
    if problems:
        raise ConfigError("This genotype has no NNI sample.", *problems)
    sample: dict[str, Any] = {}
    for cell in CELLS:
        edges = genotype.edges(cell)
        for node in range(2, 2 + len(edges) // 2):
            chosen = edges[2 * (node - 2) : 2 * (node - 1)]
            operations = {source: name for name, source in chosen}
            for source in range(node):
                idle = inert or inert_of(candidates(space, cell, (source, node)))
                sample[edge_label(cell, source, node)] = operations.get(source, idle)
            sample[input_label(cell, node)] = [source for _, source in chosen]
    return sample


def genotype_of(sample: Mapping[str, Any], nodes: int | None = None) -> Genotype:
    """Genotype of a sample; operations on edges that are not chosen are ignored.

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
    present = [cell for cell in CELLS if any(str(label).startswith(f"{cell}/") for label in sample)] or CELLS
    if nodes is None:
        nodes = max(1, sum(str(label).startswith(f"{present[0]}/input_") for label in sample))
    expected = {
        label
        for cell in present
        for node in range(2, 2 + nodes)
        for label in (input_label(cell, node), *(edge_label(cell, source, node) for source in range(node)))
    }
    problems = [f"The sample has an unknown label {label!r}." for label in sample if label not in expected]
    problems += [f"The sample lacks the label {label!r}." for label in sorted(expected - set(sample))]
    if problems:
        raise ConfigError(*problems)
    cells: dict[str, list[Edge]] = {cell: [] for cell in present}
    for cell in present:
        for node in range(2, 2 + nodes):
            label = input_label(cell, node)
            sources = sample[label]
            if not _two_inputs(sources, node):
                problems.append(
                    f"{label}: expected two different inputs between 0 and {node - 1}, got {sources!r}."
                )
            else:
                cells[cell] += [(sample[edge_label(cell, source, node)], source) for source in sources]
    if problems:
        raise ConfigError(*problems)
    return Genotype.of(cells[present[0]], cells[present[-1]])


def _two_inputs(sources: Any, node: int) -> bool:
    return (
        isinstance(sources, list | tuple)
        and len(sources) == 2
        and all(isinstance(source, int) and not isinstance(source, bool) for source in sources)
        and all(0 <= source < node for source in sources)
        and sources[0] != sources[1]
    )
