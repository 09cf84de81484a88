"""The genotype of the DARTS paper: what a normal and a reduction cell consist of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nni_darts.errors import ConfigError
from nni_darts.genotype.cell import CELLS, Edge, read_concat, read_edges
from nni_darts.genotype.text import read_call


@dataclass(frozen=True)
class Genotype:
    """Two cells, each a list of (operation, input) pairs, two per node in node order.

    Inputs 0 and 1 are the outputs of the cells k-2 and k-1, 2 and above are the nodes. ``*_concat`` are
    the nodes that make the cell's output. The field names are those of quark0/darts ``genotypes.py``.

    Raises
    ------
    ConfigError
        With one sentence for everything that makes this no cell.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        problems: list[str] = []
        for cell in CELLS:
            edges = read_edges(getattr(self, cell), cell, problems)
            # A broken edge list says nothing about the number of nodes, so its concat cannot be judged.
            object.__setattr__(self, cell, edges)
        if not problems:
            for cell in CELLS:
                field = f"{cell}_concat"
                nodes = len(getattr(self, cell)) // 2
                object.__setattr__(self, field, read_concat(getattr(self, field), nodes, field, problems))
        if problems:
            raise ConfigError(*problems)

    @classmethod
    def of(
        cls,
        normal: Iterable[Any],
        reduce: Iterable[Any],
        normal_concat: Iterable[int] | None = None,
        reduce_concat: Iterable[int] | None = None,
    ) -> Genotype:
        """Build from any lists; without ``*_concat`` the output is the concatenation of all nodes."""
        normal, reduce = tuple(normal), tuple(reduce)
        return cls(
            normal=normal,
            normal_concat=_all_nodes(normal) if normal_concat is None else tuple(normal_concat),
            reduce=reduce,
            reduce_concat=_all_nodes(reduce) if reduce_concat is None else tuple(reduce_concat),
        )

    @classmethod
    def parse(cls, text: str) -> Genotype:
        """Read the classic text ``Genotype(normal=[('sep_conv_3x3', 1), ...], ...)``; nothing is executed.

        Pairs may be flat or nested per node, ``*_concat`` a ``range`` or a list, keywords in any order.
        """
        return cls(**read_call(text))

    def edges(self, cell: str) -> tuple[Edge, ...]:
        """Edges of the cell named ``normal`` or ``reduce``."""
        return self.normal if cell == "normal" else self.reduce

    def concat(self, cell: str) -> tuple[int, ...]:
        """Concatenated states of the cell named ``normal`` or ``reduce``."""
        return self.normal_concat if cell == "normal" else self.reduce_concat

    def __str__(self) -> str:
        parts = (
            f"{cell}={list(self.edges(cell))}, {cell}_concat={_concat_text(self.concat(cell))}"
            for cell in CELLS
        )
        return f"Genotype({', '.join(parts)})"


def _all_nodes(edges: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(range(2, 2 + len(edges) // 2))


def _concat_text(concat: tuple[int, ...]) -> str:
    run = range(concat[0], concat[-1] + 1)
    return f"range({run.start}, {run.stop})" if concat == tuple(run) else str(list(concat))
