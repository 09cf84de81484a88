"""Discrete architectures drawn uniformly, as samples of a space and as weights of its supernet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nni_darts.parts.demand import NOTHING_LEARNED, demands
from nni_darts.parts.derivation import NONE
from nni_darts.parts.relaxation import Relaxation
from nni_darts.supernet.structure import Choice, Structure


@dataclass(frozen=True)
class Path:
    """One architecture of a space.

    Attributes
    ----------
    structure
        Of the space.
    pairs
        Per node its (edge, operation) pairs, both as indices.
    others
        Label of a choice outside of nodes -> indices of its candidates, ascending.
    """

    structure: Structure
    pairs: tuple[tuple[tuple[int, int], ...], ...]
    others: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, structure: Structure, sample: Mapping[str, Any]) -> Path:
        """The path that a sample describes."""
        choices = structure.choices
        pairs = tuple(
            tuple((at, choices[node.edges[at]].values.index(value)) for at, value in node.read(sample))
            for node in structure.nodes
        )
        in_nodes = {edge for node in structure.nodes for edge in node.edges}
        others = {
            label: tuple(choice.values.index(value) for value in _listed(choice, sample[label]))
            for label, choice in choices.items()
            if label not in in_nodes
        }
        return cls(structure, pairs, others)

    def kept(self) -> Iterator[tuple[str, Any]]:
        """Label and value of everything that is chosen."""
        choices = self.structure.choices
        for node, pairs in zip(self.structure.nodes, self.pairs, strict=True):
            for edge, operation in pairs:
                yield node.edges[edge], choices[node.edges[edge]].values[operation]
        for label, indices in self.others.items():
            for index in indices:
                yield label, choices[label].values[index]

    def sample(self) -> dict[str, Any]:
        """What ``space.freeze`` accepts."""
        choices = self.structure.choices
        sample: dict[str, Any] = {}
        for node, pairs in zip(self.structure.nodes, self.pairs, strict=True):
            sample.update(
                node.write([(edge, choices[node.edges[edge]].values[operation]) for edge, operation in pairs])
            )
        for label, indices in self.others.items():
            values = [choices[label].values[index] for index in indices]
            sample[label] = values if choices[label].multiple else values[0]
        return sample

    def gates(self, device: torch.device | None = None) -> dict[str, Tensor]:
        """Label -> weights of the supernet: 1 for what is chosen, 1/n for each of n inputs, otherwise 0."""
        rows = {label: [0.0] * size for label, size in self.structure.sizes.items()}
        for node, pairs in zip(self.structure.nodes, self.pairs, strict=True):
            for edge, operation in pairs:
                rows[node.edges[edge]][operation] = 1.0
        for label, indices in self.others.items():
            for index in indices:
                rows[label][index] = 1.0 / len(indices)
        numbers = torch.tensor([number for row in rows.values() for number in row], device=device)
        return dict(zip(rows, numbers.split([len(row) for row in rows.values()]), strict=True))


def _listed(choice: Choice, value: Any) -> list[Any]:
    return list(value) if choice.multiple else [value]


def draw(structure: Structure, generator: np.random.Generator, none: bool) -> Path:
    """Uniform: per node its edges without replacement, an operation for each; elsewhere one candidate.

    Parameters
    ----------
    none
        Whether the edges of nodes may get the operation ``none``.
    """
    choices = structure.choices
    in_nodes = {edge for node in structure.nodes for edge in node.edges}
    nodes = []
    for node in structure.nodes:
        again = node.keep > len(node.edges)
        pairs = []
        for edge in generator.choice(len(node.edges), size=node.keep, replace=again).tolist():
            values = choices[node.edges[edge]].values
            offered = [k for k, value in enumerate(values) if none or value != NONE]
            pairs.append((edge, offered[generator.integers(len(offered))]))
        nodes.append(tuple(pairs))
    others = {}
    for label, choice in choices.items():
        if label in in_nodes:
            continue
        count = choice.n_chosen or int(generator.integers(1, len(choice.values) + 1))
        drawn = generator.choice(len(choice.values), size=count, replace=False)
        others[label] = tuple(sorted(drawn.tolist()))
    return Path(structure, tuple(nodes), others)


@demands(NOTHING_LEARNED)
class UniformPaths(Relaxation):
    """A path drawn anew in every forward, in evaluation too; the alphas are not read.

    Random numbers come from torch's generator of the CPU, which a checkpoint holds.
    """

    draws = True
    chooses = True

    def __init__(self, sizes: Mapping[str, int], none: bool = True) -> None:
        super().__init__(sizes)
        self.none = none
        self._structure = Structure()

    def prepare(self, structure: Structure) -> None:
        self._structure = structure

    def forward(self) -> dict[str, Tensor]:
        seed = int(torch.randint(2**62, ()))
        path = draw(self._structure, np.random.Generator(np.random.PCG64(seed)), self.none)
        return path.gates(self.alphas[0].device)

    def probabilities(self) -> dict[str, Tensor]:
        return self.each_row(lambda alphas: torch.full_like(alphas, 1 / alphas.shape[-1]))
