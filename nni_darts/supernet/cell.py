"""NNI's Cell in the supernet."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from nni.nas.nn.pytorch import Cell
from nni.nas.nn.pytorch.cell import preprocess_cell_inputs
from nni.nas.oneshot.pytorch.supermodule.sampling import PathSamplingCell
from nni.nas.space import model_context
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.supernet.mixed import Memo, MixedModule
from nni_darts.supernet.structure import Choice, Node


class MixedCell(PathSamplingCell, MixedModule):
    """Every edge of the complete graph mixes all candidates; a node sums its edges (DARTS, equations 1, 2).

    NNI's own DARTS gives each edge one more slot for "not chosen" and ranks raw alphas. Here an edge has
    exactly its candidates, and edges are ranked by their weights. With ``merge_op="loose_end"`` the
    supernet concatenates all nodes, as NNI's does; the frozen cell has the loose ends alone.
    """

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> MixedCell | None:
        if type(module) is not Cell:
            return None
        if kwargs["edges"]:
            raise ConfigError(
                f'Cell "{module.label}": the method changes the edges themselves, which a Cell of NNI hides; '
                "write them as LayerChoices, as search_spaces does, or choose another method."
            )
        mixed = cls(
            _factories(module),
            module.num_nodes,
            module.num_ops_per_node,
            module.num_predecessors,
            module.preprocessor,
            module.postprocessor,
            module.concat_dim,
            memo,
            kwargs,
            module.label,
        )
        mixed.merge_op = module.merge_op
        mixed.attach(kwargs["mixture"], kwargs["combine"])
        return mixed

    def forward(self, *inputs: Any) -> Any:
        processed = preprocess_cell_inputs(self.num_predecessors, *inputs)
        states = list(self.preprocessor(processed))
        for node, incoming in enumerate(self.ops, start=self.num_predecessors):
            edges = []
            for source, candidates in enumerate(incoming):
                calls = [partial(operation, states[source]) for operation in candidates.values()]
                edges.append(self.combine(*self.mixture.open(edge_label(self.label, source, node), calls)))
            states.append(sum(edges[1:], edges[0]))
        return self.postprocessor(torch.cat(states[self.num_predecessors :], self.concat_dim), processed)

    def freeze(self, sample: dict[str, Any]) -> nn.Module:
        """The cell of NNI with the sample's choices and, for its operations, this supernet's modules."""
        candidates = {
            name: (lambda node, _, source, name=name: self._operation(node, source, name))
            for name in self.op_names
        }
        with model_context(sample):
            return Cell(
                candidates,
                self.num_nodes,
                self.num_ops_per_node,
                self.num_predecessors,
                self.merge_op,
                self.preprocessor,
                self.postprocessor,
                self.concat_dim,
                label=self.label,
            )

    def _operation(self, node: int, source: int, name: str) -> nn.Module:
        return copy.deepcopy(self.ops[node - self.num_predecessors][source][name])


def edge_label(cell: str, source: int, node: int) -> str:
    """The label of the alphas of one edge of a Cell."""
    return f"{cell}/edge_{source}_{node}"


def cell_structure(cell: Cell) -> tuple[dict[str, Choice], list[Node], set[str]]:
    """The edges and nodes of a Cell, and NNI's labels for what they decide."""
    names = tuple(cell.ops[0][0].names)
    choices: dict[str, Choice] = {}
    nodes = []
    labels: set[str] = set()
    for node in range(cell.num_predecessors, cell.num_predecessors + cell.num_nodes):
        edges = tuple(edge_label(cell.label, source, node) for source in range(node))
        choices.update({edge: Choice(names) for edge in edges})
        write = partial(_write, cell.label, node)
        read = partial(_read, cell.label, node, cell.num_ops_per_node)
        nodes.append(Node(edges, cell.num_ops_per_node, write, read))
        for k in range(cell.num_ops_per_node):
            labels |= {f"{cell.label}/op_{node}_{k}", f"{cell.label}/input_{node}_{k}"}
    return choices, nodes, labels


def _write(label: str, node: int, pairs: list[tuple[int, Any]]) -> dict[str, Any]:
    sample: dict[str, Any] = {}
    for k, (source, operation) in enumerate(pairs):
        sample[f"{label}/op_{node}_{k}"] = operation
        sample[f"{label}/input_{node}_{k}"] = [source]
    return sample


def _read(label: str, node: int, count: int, sample: Mapping[str, Any]) -> list[tuple[int, Any]]:
    pairs = []
    for k in range(count):
        source, operation = sample[f"{label}/input_{node}_{k}"], sample[f"{label}/op_{node}_{k}"]
        pairs.append((source[0] if isinstance(source, list | tuple) else source, operation))
    return pairs


def _factories(cell: Cell) -> dict[str, Callable[..., nn.Module]]:
    """One factory per candidate, called for every edge."""
    if cell.op_candidates_factory is not None:
        factory = cell.op_candidates_factory
        if isinstance(factory, dict):
            return factory
        return {str(index): build for index, build in enumerate(factory)}
    first = cell.ops[0][0]
    return {name: (lambda *_, module=first[name]: copy.deepcopy(module)) for name in first.names}
