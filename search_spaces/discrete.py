"""The discrete network of a genotype: only the chosen operations (cnn/model.py of quark0/darts)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_darts.genotype import Genotype
from search_spaces.auxiliary import AuxiliaryHead, check_auxiliary_size
from search_spaces.drop_path import drop_path
from search_spaces.layout import ImageSize, Place, check_image_size, check_macro, places, state_sizes
from search_spaces.operations import FactorizedReduce, Identity, ReLUConvBN, build
from search_spaces.stems import build_stem


class DiscreteCell(nn.Module):
    """One cell: node i is the sum of its two operations, the output concatenates the genotype's states."""

    def __init__(self, genotype: Genotype, place: Place) -> None:
        super().__init__()
        self.edges = genotype.edges(place.kind)
        self.concat = genotype.concat(place.kind)
        preprocess = FactorizedReduce if place.reduction_prev else ReLUConvBN
        self.pre0 = preprocess(place.channels_before_last, place.channels, affine=True)
        self.pre1 = ReLUConvBN(place.channels_last, place.channels, affine=True)
        self.ops = nn.ModuleList(
            build(name, place.channels, _stride(place, source), affine=True, search=False)
            for name, source in self.edges
        )

    def forward(self, s0: Tensor, s1: Tensor, drop_prob: float) -> Tensor:
        """Output of the cell from the outputs of the cells before last and last."""
        states = [self.pre0(s0), self.pre1(s1)]
        for first in range(0, len(self.edges), 2):
            a, b = (self._edge(position, states, drop_prob) for position in (first, first + 1))
            states.append(a + b)
        return torch.cat([states[index] for index in self.concat], dim=1)

    def _edge(self, position: int, states: list[Tensor], drop_prob: float) -> Tensor:
        operation = self.ops[position]
        output = operation(states[self.edges[position][1]])
        # A dropped identity would cut the network's only way past the dropped operation.
        return output if isinstance(operation, Identity) else drop_path(output, drop_prob)


class DiscreteNetwork(nn.Module):
    """Cells of one genotype between a stem and a linear classifier.

    In training mode with ``auxiliary`` the result is (logits, auxiliary logits), otherwise logits, each
    batch x num_classes. ``drop_path_prob`` is read at every training forward; 0 switches drop path off.

    Parameters
    ----------
    init_channels, layers
        The paper: 36 and 20 with the CIFAR stem, 48 and 14 with the ImageNet stem.
    auxiliary
        Whether to build the auxiliary head on cell ``2 * layers // 3``.
    image_size
        If given, an image that some part cannot take is refused here instead of at the first batch.
    """

    drop_path_prob: float

    def __init__(
        self,
        genotype: Genotype,
        init_channels: int = 36,
        layers: int = 20,
        num_classes: int = 10,
        in_channels: int = 3,
        stem: str = "cifar",
        auxiliary: bool = False,
        image_size: ImageSize | None = None,
    ) -> None:
        super().__init__()
        check_macro(
            {
                "init_channels": init_channels,
                "layers": layers,
                "num_classes": num_classes,
                "in_channels": in_channels,
            },
            stem,
        )
        if image_size is not None:
            _check_image_size(genotype, layers, stem, auxiliary, image_size)
        self.genotype = genotype
        self.drop_path_prob = 0.0
        width = {kind: len(genotype.concat(kind)) for kind in ("normal", "reduce")}
        row = places(init_channels, layers, stem, width)
        outputs = [place.channels * width[place.kind] for place in row]
        self.auxiliary_cell = 2 * layers // 3
        self.stem = build_stem(stem, in_channels, init_channels)
        self.cells = nn.ModuleList(DiscreteCell(genotype, place) for place in row)
        self.aux = AuxiliaryHead(outputs[self.auxiliary_cell], num_classes, stem) if auxiliary else None
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(outputs[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits of a batch of images, batch x channels x height x width."""
        drop_prob = self.drop_path_prob if self.training else 0.0
        auxiliary_logits = None
        s0, s1 = self.stem(x)
        for index, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, drop_prob)
            if self.training and self.aux is not None and index == self.auxiliary_cell:
                auxiliary_logits = self.aux(s1)
        logits = self.classifier(self.pool(s1).flatten(1))
        return logits if auxiliary_logits is None else (logits, auxiliary_logits)


def _stride(place: Place, source: int) -> int:
    return 2 if place.reduction and source < 2 else 1


def _check_image_size(
    genotype: Genotype, layers: int, stem: str, auxiliary: bool, image_size: ImageSize
) -> None:
    skips = any(name == "skip_connect" and source < 2 for name, source in genotype.reduce)
    check_image_size(image_size, layers, stem, skips)
    if auxiliary:
        check_auxiliary_size(stem, *state_sizes(image_size, layers, stem)[2 + 2 * layers // 3])
