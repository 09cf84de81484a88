"""The recurrent space of the DARTS paper as an ordinary NNI space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor

from nni_darts.errors import ConfigError
from nni_darts.genotype import ACTIVATIONS, recurrent_genotype_of
from nni_darts.genotype.checks import unknown_operations
from search_spaces.building import built_outside
from search_spaces.recurrent.dropout import Dropouts
from search_spaces.recurrent.language_model import LanguageModel, Prediction, check_sizes
from search_spaces.recurrent.network import RecurrentNetwork
from search_spaces.recurrent.search_cell import RecurrentSearchCell


class DartsRnnSpace(ModelSpace):
    """A language model whose recurrent cell chooses an activation on every edge and an input at every node.

    The choices are the same at all time steps: 36 edges of 5 activations in the paper's cell.
    ``freeze(sample)`` and construction under ``nni.nas.space.model_context(sample)`` give the
    :class:`RecurrentNetwork`, freshly initialised, without BatchNorm, with this space's width and dropouts.

    Parameters
    ----------
    vocabulary
        Number of words, of the data.
    width
        Of embedding, states and output alike; the paper searches with 300 and evaluates with 850.
    nodes
        Of the cell.
    dropout, dropoutx, dropouth, dropouti, dropoute
        See :class:`Dropouts`.
    primitives
        Candidates of every edge, in order.
    """

    def __init__(
        self,
        vocabulary: int = 10_000,
        width: int = 300,
        nodes: int = 8,
        dropout: float = 0.75,
        dropoutx: float = 0.75,
        dropouth: float = 0.25,
        dropouti: float = 0.2,
        dropoute: float = 0.0,
        primitives: Sequence[str] = ACTIVATIONS,
    ) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, width=width, nodes=nodes)
        _check_primitives(primitives)
        dropouts = Dropouts(dropout, dropoutx, dropouth, dropouti, dropoute)
        self.node_count = nodes
        self.macro: dict[str, Any] = {"vocabulary": vocabulary, "width": width, **vars(dropouts)}
        cell = RecurrentSearchCell(width, nodes, primitives)
        self._labels = cell.labels
        self.network = LanguageModel(cell, vocabulary, width, dropouts)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Prediction:
        """Read ``tokens`` [T, B] on from ``hidden`` [B, n]."""
        return self.network(tokens, hidden)

    def initial_hidden(self, batch: int) -> Tensor:
        """Zeros, [B, n]: what a text begins with."""
        return self.network.initial_hidden(batch)

    def nodes(self) -> dict[str, list[str]]:
        """Label of every choice of an input -> labels of the edges that make its candidates, in order.

        It tells the strategy that the input of a node is chosen by the strength of its edges, so that such a
        choice needs no architecture parameters of its own.
        """
        return dict(self._labels)

    def freeze(self, sample: Mapping[str, Any]) -> RecurrentNetwork:
        """The discrete network of a sample."""
        self.validate(sample)
        return RecurrentNetwork(recurrent_genotype_of(sample, nodes=self.node_count), **self.macro)

    @classmethod
    def create_fixed_module(cls, sample: Mapping[str, Any], *args: Any, **kwargs: Any) -> RecurrentNetwork:
        """What NNI builds instead of the space inside a ``model_context``."""
        return built_outside(cls, *args, **kwargs).freeze(sample)


def _check_primitives(primitives: Sequence[str]) -> None:
    problems = unknown_operations(list(primitives), ACTIVATIONS)
    if len(set(primitives)) != len(primitives) or not set(primitives) - {"none"}:
        problems.append(
            f"primitives must be different activations, one of them not none, got {list(primitives)}."
        )
    if problems:
        raise ConfigError(*problems)
