"""The cell of NAS-Bench-201 (Dong, Yang, ICLR 2020) as six digits, as the benchmark's string, as a sample."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nni_darts.errors import ConfigError

NASBENCH201 = "nasbench201"
"""Name of the space."""

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""Candidates of every edge, in the order of the columns of the alphas; their indices are the digits."""

NODES = 4
"""States of the cell: 0 is its input, the last one its output."""

EDGES = tuple((source, node) for node in range(1, NODES) for source in range(node))
"""Edges from state to state, in the order of the rows of the alphas and of the digits."""

_CODE = re.compile(f"[0-{len(OPERATIONS) - 1}]{{{len(EDGES)}}}")
_ENTRY = re.compile(r"([a-z0-9_]+)~(\d)")


SCOPE = "cell"
"""Part of every label before the slash."""


def edge_label(source: int, node: int) -> str:
    """Label of the choice of operation from state ``source`` to ``node``."""
    return f"{SCOPE}/edge_{source}_{node}"


LABELS = tuple(edge_label(*edge) for edge in EDGES)


@dataclass(frozen=True)
class BenchmarkCell:
    """One operation for every edge; ``str()`` is the benchmark's string.

    Raises
    ------
    ConfigError
        For anything but six known operations.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = [
            f"The operation {name!r} is unknown to NAS-Bench-201; known are {', '.join(OPERATIONS)}."
            for name in self.operations
            if name not in OPERATIONS
        ]
        if len(self.operations) != len(EDGES):
            problems.append(f"A cell of NAS-Bench-201 has {len(EDGES)} edges, got {len(self.operations)}.")
        if problems:
            raise ConfigError(*problems)

    @property
    def code(self) -> str:
        """Six digits, one per edge."""
        return "".join(str(OPERATIONS.index(name)) for name in self.operations)

    @property
    def sample(self) -> dict[str, str]:
        """NNI's sample."""
        return dict(zip(LABELS, self.operations, strict=True))

    def __str__(self) -> str:
        nodes: list[str] = []
        for node in range(1, NODES):
            entries = (f"{self.on(source, node)}~{source}" for source in range(node))
            nodes.append(f"|{'|'.join(entries)}|")
        return "+".join(nodes)

    def on(self, source: int, node: int) -> str:
        """The operation from state ``source`` to ``node``."""
        return self.operations[EDGES.index((source, node))]

    @classmethod
    def of_code(cls, code: str) -> BenchmarkCell:
        """From six digits."""
        if not _CODE.fullmatch(code):
            raise ConfigError(
                f"A cell of NAS-Bench-201 is {len(EDGES)} digits from 0 to {len(OPERATIONS) - 1}, "
                f"got {code!r}."
            )
        return cls(tuple(OPERATIONS[int(digit)] for digit in code))

    @classmethod
    def of_string(cls, text: str) -> BenchmarkCell:
        """From the benchmark's string, ``|nor_conv_3x3~0|+|...``; entries of a node in any order."""
        found: dict[tuple[int, int], str] = {}
        nodes = text.strip().split("+")
        for node, part in enumerate(nodes, start=1):
            entries = [_ENTRY.fullmatch(entry) for entry in part.strip().strip("|").split("|")]
            found |= {(int(entry[2]), node): entry[1] for entry in entries if entry}
            if len(entries) != node or not all(entries):
                found.clear()
                break
        if len(nodes) != NODES - 1 or set(found) != set(EDGES):
            raise ConfigError(
                f"A cell of NAS-Bench-201 is written |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, got {text[:120]!r}."
            )
        return cls(tuple(found[edge] for edge in EDGES))

    @classmethod
    def of_sample(cls, sample: Mapping[str, Any]) -> BenchmarkCell:
        """From NNI's sample."""
        problems = [f"The sample has an unknown label {label!r}." for label in sample if label not in LABELS]
        problems += [f"The sample lacks the label {label!r}." for label in LABELS if label not in sample]
        if problems:
            raise ConfigError(*problems)
        return cls(tuple(sample[label] for label in LABELS))

    @classmethod
    def parse(cls, text: str) -> BenchmarkCell:
        """From the digits or the string."""
        return cls.of_string(text) if "~" in text else cls.of_code(text.strip())

    @staticmethod
    def is_text(text: str) -> bool:
        """Whether a text is meant as a cell, right or wrong."""
        return text.startswith("|") or _CODE.fullmatch(text) is not None

    @staticmethod
    def is_sample(sample: Mapping[str, Any]) -> bool:
        """Whether the labels are those of a cell."""
        return set(sample) == set(LABELS)
