"""The cell space of the DARTS paper as an ordinary NNI space."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, genotype_of
from nni_darts.genotype.candidates import CellCandidates, everywhere
from nni_darts.genotype.checks import unknown_operations
from search_spaces.building import built_outside
from search_spaces.discrete import DiscreteNetwork
from search_spaces.layout import ImageSize, check_image_size, check_macro, places
from search_spaces.operations import OPERATIONS
from search_spaces.search_cell import SearchCell
from search_spaces.stems import build_stem


class DartsSpace(ModelSpace):
    """Normal and reduction cells whose edges choose one operation and whose nodes choose two inputs.

    All cells of a type share their choices by label. ``freeze(sample)`` and construction under
    ``nni.nas.space.model_context(sample)`` give the :class:`DiscreteNetwork` with the chosen operations
    only, freshly initialised, as the paper trains it.

    Parameters
    ----------
    init_channels, layers, nodes
        The paper searches with 16, 8 and 4.
    num_classes, in_channels
        Of the data.
    stem
        ``cifar`` (3x3 convolution) or ``imagenet`` (three stride-2 convolutions).
    auxiliary
        Whether the discrete network gets its auxiliary head; the search network has none.
    drop_path_on
        Of the discrete network: ``operation`` or ``node``.
    primitives
        Candidates in order: the same for every edge, or cell type -> (source, node) -> those of this edge.
    image_size
        If given, images that cannot be halved at every reduction are refused at once.
    """

    def __init__(
        self,
        init_channels: int = 16,
        layers: int = 8,
        nodes: int = 4,
        num_classes: int = 10,
        in_channels: int = 3,
        stem: str = "cifar",
        auxiliary: bool = False,
        primitives: Sequence[str] | CellCandidates = PRIMITIVES,
        image_size: ImageSize | None = None,
        drop_path_on: str = "operation",
    ) -> None:
        super().__init__()
        numbers = {
            "init_channels": init_channels,
            "layers": layers,
            "nodes": nodes,
            "num_classes": num_classes,
            "in_channels": in_channels,
        }
        check_macro(numbers, stem)
        by_cell = primitives if isinstance(primitives, Mapping) else everywhere(tuple(primitives), nodes)
        _check_primitives(by_cell, nodes)
        if image_size is not None:
            check_image_size(image_size, layers, stem, skip_reduces=_skip_reduces(by_cell))
        self.macro: dict[str, Any] = {
            **numbers,
            "stem": stem,
            "auxiliary": auxiliary,
            "primitives": by_cell,
            "image_size": image_size,
            "drop_path_on": drop_path_on,
        }
        row = places(init_channels, layers, stem, {"normal": nodes, "reduce": nodes})
        self.stem = build_stem(stem, in_channels, init_channels)
        cells = [SearchCell(place, nodes, by_cell[place.kind]) for place in row]
        self._labels = {label: sources for cell in cells for label, sources in cell.labels.items()}
        self.cells = nn.ModuleList(cells)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(row[-1].channels * nodes, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, batch x num_classes, of a batch of images."""
        s0, s1 = self.stem(x)
        for cell in self.cells:
            s0, s1 = s1, cell(s0, s1)
        return self.classifier(self.pool(s1).flatten(1))

    def nodes(self) -> dict[str, list[str]]:
        """Label of every choice of inputs -> labels of the edges that make its candidates, in order.

        It tells the strategy that the inputs of a node are chosen by the strength of their edges, so that
        such a choice needs no architecture parameters of its own.
        """
        return dict(self._labels)

    def freeze(self, sample: Mapping[str, Any]) -> DiscreteNetwork:
        """The discrete network of a sample."""
        self.validate(sample)
        return _discrete(sample, self.macro)

    @classmethod
    def create_fixed_module(cls, sample: Mapping[str, Any], *args: Any, **kwargs: Any) -> DiscreteNetwork:
        """What NNI builds instead of the space inside a ``model_context``."""
        if cls is not DartsSpace:
            # Only the subclass's own constructor knows what it makes of its arguments.
            return built_outside(cls, *args, **kwargs).freeze(sample)
        bound = inspect.signature(cls._init_wrapped).bind(None, *args, **kwargs)
        bound.apply_defaults()
        return _discrete(sample, bound.arguments)


def _discrete(sample: Mapping[str, Any], macro: Mapping[str, Any]) -> DiscreteNetwork:
    genotype = genotype_of(sample, nodes=macro["nodes"])
    passed = {key: value for key, value in macro.items() if key not in ("self", "nodes", "primitives")}
    return DiscreteNetwork(genotype, **passed)


def _skip_reduces(by_cell: CellCandidates) -> bool:
    """Whether an edge with stride 2 may be a skip connection."""
    return any("skip_connect" in names for (source, _), names in by_cell["reduce"].items() if source < 2)


def _check_primitives(by_cell: CellCandidates, nodes: int) -> None:
    expected = {cell: set(edges) for cell, edges in everywhere((), nodes).items()}
    if {cell: set(edges) for cell, edges in by_cell.items()} != expected:
        raise ConfigError(
            f"primitives must name candidates for every edge of {nodes} nodes, as cell type -> "
            f"(source, node), with the cell types {' and '.join(expected)}."
        )
    found = [tuple(names) for edges in by_cell.values() for names in edges.values()]
    problems = unknown_operations({name for names in found for name in names}, OPERATIONS)
    problems += [
        f"primitives must name at least one operation, none twice, got {list(names)}."
        for names in dict.fromkeys(found)
        if not names or len(set(names)) != len(names)
    ]
    if problems:
        raise ConfigError(*problems)
