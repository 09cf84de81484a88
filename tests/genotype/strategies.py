"""Hypothesis strategies for genotypes."""

from __future__ import annotations

from hypothesis import strategies as st

from nni_darts.genotype import OPERATION_NAMES, Genotype


@st.composite
def cell_edges(draw: st.DrawFn, nodes: int, distinct: bool) -> list[tuple[str, int]]:
    """Two edges for each of ``nodes`` nodes; ``distinct`` forbids taking one input twice."""
    edges = []
    for node in range(2, 2 + nodes):
        sources = draw(st.lists(st.integers(0, node - 1), min_size=2, max_size=2, unique=distinct))
        edges += [(draw(st.sampled_from(OPERATION_NAMES)), source) for source in sources]
    return edges


@st.composite
def space_genotypes(draw: st.DrawFn) -> Genotype:
    """Genotypes of the cell space: two different inputs per node, all nodes concatenated."""
    nodes = draw(st.integers(1, 5))
    return Genotype.of(draw(cell_edges(nodes, True)), draw(cell_edges(nodes, True)))


@st.composite
def any_genotypes(draw: st.DrawFn) -> Genotype:
    """Any genotype: unequal cells, repeated inputs, any concatenation in any order."""
    cells = [draw(cell_edges(draw(st.integers(1, 5)), False)) for _ in range(2)]
    concats = [draw(st.lists(st.integers(2, 1 + len(cell) // 2), min_size=1, unique=True)) for cell in cells]
    return Genotype.of(cells[0], cells[1], concats[0], concats[1])
