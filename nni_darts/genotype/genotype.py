"""The genotypes of the DARTS paper: a normal and a reduction cell, or one recurrent cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from nni_darts.errors import ConfigError
from nni_darts.genotype.cell import (
    CELLS,
    CONVOLUTIONAL_FORM,
    RECURRENT,
    RECURRENT_FORM,
    CellForm,
    Edge,
    read_concat,
    read_edges,
)
from nni_darts.genotype.text import field_names, read_call

Kind = TypeVar("Kind", bound="CellGenotype")


class CellGenotype:
    """What genotypes of every kind share: for each of its cells a list of edges, and what makes its output.

    The edges of the cell ``x`` are the attribute ``x``, its output nodes ``x_concat``.

    Raises
    ------
    ConfigError
        With one sentence for everything that makes this no cell.
    """

    cells: ClassVar[tuple[str, ...]]
    """Names of its cells."""

    form: ClassVar[CellForm]

    space: ClassVar[str]
    """The built-in space that it is of unless something else is said."""

    fields: ClassVar[Mapping[str, str]]
    """Name of a field in the classic text -> name of the attribute."""

    def __post_init__(self) -> None:
        problems: list[str] = []
        for cell in self.cells:
            # A broken edge list says nothing about the number of nodes, so its concat cannot be judged.
            object.__setattr__(self, cell, read_edges(getattr(self, cell), cell, problems, self.form))
        if not problems:
            written = {attribute: field for field, attribute in self.fields.items()}
            for cell in self.cells:
                name = f"{cell}_concat"
                nodes = self.nodes(cell)
                concat = read_concat(getattr(self, name), nodes, written[name], problems)
                object.__setattr__(self, name, concat)
        if problems:
            raise ConfigError(*problems)

    @classmethod
    def from_fields(cls: type[Kind], given: Mapping[str, Any]) -> Kind:
        """From the fields of the classic text by name."""
        return cls(**{cls.fields[field]: value for field, value in given.items()})

    @classmethod
    def of_cells(cls: type[Kind], cells: Mapping[str, tuple[Iterable[Any], Iterable[int] | None]]) -> Kind:
        """From cell -> (edges, concat); where that is None, all nodes make the output."""
        given: dict[str, Any] = {}
        for cell, (edges, concat) in cells.items():
            given[cell] = tuple(edges)
            every = cls.form.nodes(given[cell])
            given[f"{cell}_concat"] = tuple(every if concat is None else concat)
        return cls(**given)

    @classmethod
    def parse(cls: type[Kind], text: str) -> Kind:
        """Read the classic text ``Genotype(normal=[('sep_conv_3x3', 1), ...], ...)``; nothing is executed.

        Pairs may be flat or nested per node, the concatenation a ``range`` or a list, keywords in any order.
        """
        return cls.from_fields(read_call(text, tuple(cls.fields)))

    def edges(self, cell: str) -> tuple[Edge, ...]:
        """Edges of a cell in node order."""
        found: tuple[Edge, ...] = getattr(self, cell)
        return found

    def concat(self, cell: str) -> tuple[int, ...]:
        """States that make the output of a cell."""
        found: tuple[int, ...] = getattr(self, f"{cell}_concat")
        return found

    def nodes(self, cell: str) -> range:
        """Numbers of the nodes of a cell."""
        return self.form.nodes(self.edges(cell))

    def __str__(self) -> str:
        parts = []
        for field, attribute in self.fields.items():
            value = getattr(self, attribute)
            parts.append(f"{field}={list(value) if attribute in self.cells else _concat_text(value)}")
        return f"Genotype({', '.join(parts)})"


@dataclass(frozen=True)
class Genotype(CellGenotype):
    """Two cells, each a list of (operation, input) pairs, two per node in node order.

    Inputs 0 and 1 are the outputs of the cells k-2 and k-1, 2 and above are the nodes. ``*_concat`` are
    the nodes that make the cell's output. The field names are those of quark0/darts ``genotypes.py``.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    cells = CELLS
    form = CONVOLUTIONAL_FORM
    space = "darts"
    fields: ClassVar = {name: name for cell in CELLS for name in (cell, f"{cell}_concat")}

    @classmethod
    def of(
        cls,
        normal: Iterable[Any],
        reduce: Iterable[Any],
        normal_concat: Iterable[int] | None = None,
        reduce_concat: Iterable[int] | None = None,
    ) -> Genotype:
        """Build from any lists; without ``*_concat`` the output is the concatenation of all nodes."""
        return cls.of_cells({"normal": (normal, normal_concat), "reduce": (reduce, reduce_concat)})


@dataclass(frozen=True)
class RecurrentGenotype(CellGenotype):
    """One recurrent cell: an (activation, input) pair for every node; the output is the mean of some nodes.

    Input 0 is the state computed from the token and the last hidden state, 1 and above are the nodes. The
    classic text of quark0/darts ``rnn/genotypes.py`` calls the output nodes ``concat``.
    """

    recurrent: tuple[Edge, ...]
    recurrent_concat: tuple[int, ...]

    cells = (RECURRENT,)
    form = RECURRENT_FORM
    space = "darts_rnn"
    fields: ClassVar = {RECURRENT: RECURRENT, "concat": f"{RECURRENT}_concat"}

    @classmethod
    def of(cls, recurrent: Iterable[Any], concat: Iterable[int] | None = None) -> RecurrentGenotype:
        """Build from any lists; without ``concat`` the output is the mean of all nodes."""
        return cls.of_cells({RECURRENT: (recurrent, concat)})


AnyGenotype = Genotype | RecurrentGenotype

KINDS: tuple[type[Genotype] | type[RecurrentGenotype], ...] = (Genotype, RecurrentGenotype)
"""Every kind of genotype."""


def parse_genotype(text: str) -> AnyGenotype:
    """Read a classic text of whichever kind it is: the one most of whose fields it names."""
    given = field_names(text)
    kind = max(KINDS, key=lambda kind: sum(name in kind.fields for name in given))
    return kind.parse(text)


def _concat_text(concat: tuple[int, ...]) -> str:
    run = range(concat[0], concat[-1] + 1)
    return f"range({run.start}, {run.stop})" if concat == tuple(run) else str(list(concat))
