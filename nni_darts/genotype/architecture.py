"""The architecture file: a sample or a genotype with its space, network sizes and provenance (schema 1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from nni_darts.errors import ConfigError
from nni_darts.genotype.candidates import CELL_SPACES
from nni_darts.genotype.checks import sentences, space_problems
from nni_darts.genotype.genotype import KINDS, AnyGenotype, CellGenotype
from nni_darts.genotype.nasbench201 import NASBENCH201, BenchmarkCell
from nni_darts.genotype.sample import any_genotype_of, is_cell_sample, obstacles, sample_of
from nni_darts.run.files import write_text


def _plain(value: Any) -> Any:
    """JSON types for the tuples and numpy scalars that a sample may hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value


#: A free-form part of the file.
Plain = Annotated[dict[str, Any], BeforeValidator(_plain)]


class Cell(BaseModel):
    """One cell: (operation, input) pairs in node order, and the nodes that make its output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    edges: list[tuple[StrictStr, StrictInt]]
    concat: list[StrictInt]


class Architecture(BaseModel):
    """What a search found, in the form in which it is stored and travels between trials.

    ``space`` is a built-in name or ``pkg.mod:Class``; ``macro`` its constructor arguments; ``nni`` the
    sample that NNI's ``freeze`` takes, null for a published genotype outside the space (NASNet);
    ``cells`` by name, ``normal`` and ``reduce`` or ``recurrent``; null for spaces that have no cells.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    space: str = Field(default="darts", min_length=1)
    method: str | None = None
    cells: dict[str, Cell] | None = None
    macro: Plain = Field(default_factory=dict)
    nni: Plain | None = None
    provenance: Plain = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Architecture:
        if self.cells is None and self.nni is None:
            raise ConfigError("The architecture holds neither 'cells' nor an 'nni' sample.")
        if self.cells is not None:
            _check_names(self.cells, self.space)
        if self.space == NASBENCH201:
            if self.cells is not None:
                raise ConfigError(f"cells: the space {NASBENCH201} has no normal and reduction cell.")
            BenchmarkCell.of_sample(self.nni or {})
        genotype = self.genotype
        problems = [] if genotype is None else space_problems(genotype, self.space, self.macro)
        if self.nni is not None and (genotype is not None or self.space in CELL_SPACES):
            stated = any_genotype_of(self.nni)
            if genotype is None:
                problems.append("cells: missing, though 'nni' is the sample of a cell space.")
            elif stated != genotype:
                problems.append(f"cells and nni differ: the sample in 'nni' means {stated}.")
        if problems:
            raise ConfigError(*problems)
        return self

    @property
    def genotype(self) -> AnyGenotype | None:
        """The cells as a genotype, None for spaces without cells."""
        if self.cells is None:
            return None
        return _kind_of(self.cells).of_cells(
            {name: (cell.edges, cell.concat) for name, cell in self.cells.items()}
        )

    @property
    def benchmark_cell(self) -> BenchmarkCell | None:
        """The cell of NAS-Bench-201, None in other spaces."""
        return BenchmarkCell.of_sample(self.nni or {}) if self.space == NASBENCH201 else None

    @property
    def text(self) -> str | None:
        """The architecture in one line, classic or as the benchmark writes it; None in other spaces."""
        found = self.genotype or self.benchmark_cell
        return None if found is None else str(found)

    @classmethod
    def from_genotype(cls, genotype: CellGenotype, **fields: Any) -> Architecture:
        """From a genotype; ``fields`` are ``space``, ``method``, ``macro``, ``provenance``."""
        fields = {"space": genotype.space, **fields}
        cells = {
            cell: {"edges": genotype.edges(cell), "concat": genotype.concat(cell)} for cell in genotype.cells
        }
        nni = None if obstacles(genotype) else sample_of(genotype, space=fields["space"])
        return cls.from_dict({**fields, "cells": cells, "nni": nni})

    @classmethod
    def from_benchmark_cell(cls, cell: BenchmarkCell, **fields: Any) -> Architecture:
        """From a cell of NAS-Bench-201; ``fields`` are ``method``, ``macro``, ``provenance``."""
        return cls.from_dict({**fields, "space": NASBENCH201, "nni": cell.sample})

    @classmethod
    def from_sample(cls, sample: Mapping[str, Any], **fields: Any) -> Architecture:
        """From NNI's sample; the samples of cell spaces get their cells as well."""
        nni = _plain(sample)
        if not is_cell_sample(nni):
            return cls.from_dict({**fields, "nni": nni})
        written = cls.from_genotype(any_genotype_of(nni), **fields).to_dict()
        return cls.from_dict({**written, "nni": nni})

    @classmethod
    def from_dict(cls, data: Any) -> Architecture:
        """Validate; every problem is one sentence of a ConfigError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(*sentences(error)) from None

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """From the text of an architecture file."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"The architecture is not valid JSON: {error}.") from None
        return cls.from_dict(data)

    @classmethod
    def read(cls, path: str | Path) -> Architecture:
        """Read an architecture file."""
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read ({error}).") from None
        except ConfigError as error:
            raise ConfigError(*(f"{path}: {problem}" for problem in error.problems)) from None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, keys as in the file."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> str:
        """Text of the architecture file; the same architecture gives the same text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def write(self, path: str | Path) -> Path:
        """Write an architecture file atomically."""
        return write_text(path, self.to_json() + "\n")


def _kind_of(cells: Mapping[str, Cell]) -> type[AnyGenotype]:
    """The kind of genotype that has cells of these names."""
    return next((kind for kind in KINDS if set(kind.cells) & set(cells)), KINDS[0])


def _check_names(cells: Mapping[str, Cell], space: str) -> None:
    kind = _kind_of(cells)
    problems = [f"cells.{name}: missing." for name in kind.cells if name not in cells]
    problems += [f"cells.{name}: unknown field." for name in cells if name not in kind.cells]
    if problems and space != NASBENCH201:
        raise ConfigError(*problems)
