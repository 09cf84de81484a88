"""Cells of every size, drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

Pairs = list[tuple[str, int]]
OPERATIONS = ("none", "skip_connect", "max_pool_3x3", "sep_conv_5x5", "conv_7x1_1x7")


@st.composite
def cells(draw: st.DrawFn, most_nodes: int = 8) -> tuple[Pairs, list[int]]:
    """(pairs, concat) of a cell; both inputs of a node may be the same state, as in NASNet."""
    nodes = draw(st.integers(1, most_nodes))
    pairs = [
        (draw(st.sampled_from(OPERATIONS)), draw(st.integers(0, node + 1)))
        for node in range(nodes)
        for _ in "ab"
    ]
    concat = draw(st.lists(st.integers(0, nodes + 1), min_size=1, unique=True))
    return pairs, concat
