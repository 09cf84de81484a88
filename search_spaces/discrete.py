"""The discrete network of a genotype: only the chosen operations (cnn/model.py of quark0/darts)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.genotype import Genotype
from nni_darts.genotype.prune import pruned
from search_spaces.auxiliary import AuxiliaryHead, check_auxiliary_size
from search_spaces.drop_path import draw_masks, masked_sum
from search_spaces.layout import ImageSize, Place, check_image_size, check_macro, places, state_sizes
from search_spaces.operations import (
    DilConv,
    FactorizedReduce,
    Identity,
    ReLUConvBN,
    SepConv,
    WideConv,
    build,
)
from search_spaces.stems import build_stem

RECTIFYING = (SepConv, DilConv, WideConv, FactorizedReduce)
"""Operations that begin with a ReLU and take it from the caller."""

DROPPED = ("operation", "node")
"""What drop path may forget."""


class DiscreteCell(nn.Module):
    """One cell: node i is the sum of its two operations, the output concatenates the genotype's states."""

    def __init__(self, genotype: Genotype, place: Place, drop_nodes: bool = False) -> None:
        super().__init__()
        self.drop_nodes = drop_nodes
        self.edges = genotype.edges(place.kind)
        self.concat = genotype.concat(place.kind)
        preprocess = FactorizedReduce if place.reduction_prev else ReLUConvBN
        self.pre0 = preprocess(place.channels_before_last, place.channels, affine=True)
        self.pre1 = ReLUConvBN(place.channels_last, place.channels, affine=True)
        self.ops = nn.ModuleList(
            build(name, place.channels, _stride(place, source), affine=True, search=False)
            for name, source in self.edges
        )

    def dropped(self) -> list[tuple[int, ...]]:
        """Positions of the operations that drop path applies to, together those that fall together."""
        if self.drop_nodes:
            return [(first, first + 1) for first in range(0, len(self.ops), 2)]
        # A dropped identity would cut the network's only way past the dropped operation.
        return [(place,) for place, operation in enumerate(self.ops) if not isinstance(operation, Identity)]

    def forward(
        self,
        s0: Tensor,
        s1: Tensor,
        masks: Tensor | None = None,
        rectified0: Tensor | None = None,
        rectified1: Tensor | None = None,
    ) -> Tensor:
        """Output of the cell from the outputs of the cells before last and last.

        Parameters
        ----------
        masks
            Of drop path, one row for each of :meth:`dropped`; None: nothing is dropped.
        rectified0, rectified1
            The ReLU of ``s0`` and ``s1`` where others read it too.
        """
        states = [self.pre0(s0, rectified0), self.pre1(s1, rectified1)]
        rows: dict[int, Tensor] = {}
        if masks is not None:
            for together, mask in zip(self.dropped(), masks.to(states[0].dtype), strict=True):
                rows.update(dict.fromkeys(together, mask))
        relus: dict[int, Tensor | None] = {}
        for first in range(0, len(self.edges), 2):
            a, b = (self._edge(position, states, relus) for position in (first, first + 1))
            states.append(masked_sum(a, rows.get(first), b, rows.get(first + 1)))
        return torch.cat([states[index] for index in self.concat], dim=1)

    def _edge(self, position: int, states: list[Tensor], relus: dict[int, Tensor | None]) -> Tensor:
        operation, source = self.ops[position], self.edges[position][1]
        if not isinstance(operation, RECTIFYING):
            return operation(states[source])
        if source not in relus:
            relus[source] = rectified(states[source])
        return operation(states[source], relus[source])


def rectified(x: Tensor) -> Tensor | None:
    """The ReLU of a state for all that read it, so that their gradients pass it as one.

    None without gradients: there the ReLUs would only have to be kept until the last reader is done.
    """
    return x.relu() if torch.is_grad_enabled() else None


class DiscreteNetwork(nn.Module):
    """Cells of one genotype between a stem and a linear classifier, without what ``none`` leaves empty.

    In training mode with ``auxiliary`` the result is (logits, auxiliary logits), otherwise logits, each
    batch x num_classes. ``drop_path_prob`` is read at every training forward; 0 switches drop path off. It
    may be a tensor of one number, which a captured graph reads anew in every run. Where
    ``auxiliary_wanted`` is set to False, the head is left out of training too.

    Parameters
    ----------
    init_channels, layers
        The paper: 36 and 20 with the CIFAR stem, 48 and 14 with the ImageNet stem.
    auxiliary
        Whether to build the auxiliary head on cell ``2 * layers // 3``.
    drop_path_on
        What drop path forgets: an ``operation`` other than the identity (DARTS), or a whole ``node``, the
        sum of its operations, identities with them (FairDARTS).
    image_size
        If given, an image that some part cannot take is refused here instead of at the first batch.
    """

    drop_path_prob: float | Tensor

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
        drop_path_on: str = "operation",
    ) -> None:
        super().__init__()
        if drop_path_on not in DROPPED:
            raise ConfigError(f'drop_path_on: got "{drop_path_on}"; write {" or ".join(DROPPED)}.')
        check_macro(
            {
                "init_channels": init_channels,
                "layers": layers,
                "num_classes": num_classes,
                "in_channels": in_channels,
            },
            stem,
        )
        genotype = pruned(genotype)
        if image_size is not None:
            _check_image_size(genotype, layers, stem, auxiliary, image_size)
        self.genotype = genotype
        self.drop_path_prob = 0.0
        self.auxiliary_wanted = True
        width = {kind: len(genotype.concat(kind)) for kind in ("normal", "reduce")}
        row = places(init_channels, layers, stem, width)
        outputs = [place.channels * width[place.kind] for place in row]
        self.auxiliary_cell = 2 * layers // 3
        self.stem = build_stem(stem, in_channels, init_channels)
        self.cells = nn.ModuleList(DiscreteCell(genotype, place, drop_path_on == "node") for place in row)
        self.aux = AuxiliaryHead(outputs[self.auxiliary_cell], num_classes, stem) if auxiliary else None
        self.classifier = nn.Linear(outputs[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits of a batch of images, batch x channels x height x width."""
        auxiliary_logits = None
        masks = self._masks(x)
        s0, s1 = self.stem(x)
        r1 = rectified(s1)
        r0 = r1 if s0 is s1 else rectified(s0)
        for index, (cell, mask) in enumerate(zip(self.cells, masks, strict=True)):
            s0, r0, s1 = s1, r1, cell(s0, s1, mask, r0, r1)
            wants_head = self.training and self.aux is not None and self.auxiliary_wanted
            with_head = wants_head and index == self.auxiliary_cell
            # Nothing but the global pool reads the last cell.
            r1 = rectified(s1) if with_head or index + 1 < len(self.cells) else None
            if with_head:
                assert self.aux is not None
                auxiliary_logits = self.aux(s1, r1)
        logits = self.classifier(_mean_pixel(s1))
        return logits if auxiliary_logits is None else (logits, auxiliary_logits)

    def _masks(self, x: Tensor) -> list[Tensor] | list[None]:
        """Drop path's masks for every cell, all drawn in one call."""
        prob = self.drop_path_prob
        if not self.training or (not isinstance(prob, Tensor) and prob <= 0):
            return [None] * len(self.cells)
        counts = [len(cell.dropped()) for cell in self._cells()]
        return list(draw_masks(sum(counts), x, prob).split(counts))

    def _cells(self) -> list[DiscreteCell]:
        return [cell for cell in self.cells if isinstance(cell, DiscreteCell)]


def _mean_pixel(x: Tensor) -> Tensor:
    """Global average pool, [B, C]; the gradient of PyTorch's own leaves channels-last order."""
    return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)


def _stride(place: Place, source: int) -> int:
    return 2 if place.reduction and source < 2 else 1


def _check_image_size(
    genotype: Genotype, layers: int, stem: str, auxiliary: bool, image_size: ImageSize
) -> None:
    skips = any(name == "skip_connect" and source < 2 for name, source in genotype.reduce)
    check_image_size(image_size, layers, stem, skips)
    if auxiliary:
        check_auxiliary_size(stem, *state_sizes(image_size, layers, stem)[2 + 2 * layers // 3])
