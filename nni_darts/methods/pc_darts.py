"""PC-DARTS (Xu, Xie, Zhang, Chen, Qi, Tian, Xiong, ICLR 2020): operations on a part of the channels.

The first C/k channels of an edge go through the mixed operation, the others pass it by (at stride 2 through
a 2x2 max pool), and both are shuffled. Since every edge then carries something whatever its operations are,
edges get weights of their own: node_j = sum_i softmax(beta_j)_i edge_ij(x_i). Edges are ranked by
softmax(alpha) softmax(beta).

================  ==========================================  ==============================
option            official CIFAR-10 search (train_search.py)  on ImageNet
================  ==========================================  ==============================
k                 4                                           2
alpha, beta rest  15 of 50 epochs                             35 of 50
order             first                                       first
================  ==========================================  ==============================

How the authors train on CIFAR-10 is in ``nni_darts.config.defaults``; on ImageNet the batch is 1024, lr falls
from 0.5 to 0 after 5 epochs of warm-up, and the architecture's Adam has 6e-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.capture import capturable
from nni_darts.config.section import Count, Index
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.demand import OWN_LAYER, Demand, demands
from nni_darts.parts.edge_weights import EdgeNormalised, EdgePlace, edge_places
from nni_darts.parts.named import makes_part
from nni_darts.parts.requirement import IMAGES, requires
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.extent import extent_of
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.narrow import NotNarrowedError, narrowed
from nni_darts.supernet.structure import Structure


class PartialLayer(MixedLayer):
    """The mixture of the first ``1 / ratio`` of the channels, shuffled with the others.

    Attributes
    ----------
    stride
        1 or 2.
    place
        Of this edge's weight; None for no weight.
    """

    ratio: int
    stride: int
    place: EdgePlace | None

    def forward(self, x: Tensor) -> Tensor:
        mixed, others = x.tensor_split([x.shape[1] // self.ratio], dim=1)
        mixed = super().forward(mixed)
        if self.ratio > 1:
            bypass = others if self.stride == 1 else functional.max_pool2d(others, 2, 2)
            mixed = functional.channel_shuffle(torch.cat([mixed, bypass], dim=1), self.ratio)
        if self.place is None:
            return mixed
        label, position = self.place
        return mixed * self.mixture[label][position]


PRODUCTS = Demand(
    "relaxation: edge-normalised for its edge weights, or edge_weights: false",
    lambda company: not company.part.edge_weights or isinstance(company.relaxation, EdgeNormalised),
)


@capturable
@requires(IMAGES)
@demands(OWN_LAYER, PRODUCTS)
@dataclass(frozen=True)
class PartialChannels:
    """Narrow the candidates of an edge, and weigh the edge."""

    ratio: int
    edge_weights: bool

    def __call__(self, layer: MixedLayer, structure: Structure) -> PartialLayer:
        extent = extent_of(layer)
        if extent.channels != extent.channels_out:
            raise ConfigError(
                f'method: PC-DARTS lets channels pass an edge by, but "{layer.label}" leads from '
                f"{extent.channels} to {extent.channels_out} channels."
            )
        for name in layer.names if self.ratio > 1 else ():
            try:
                layer.add_module(str(name), narrowed(layer[name], self.ratio))
            except NotNarrowedError as reason:
                raise ConfigError(
                    f'method.k: got {self.ratio}; "{name}" on the edge "{layer.label}" cannot be narrowed: '
                    f"{reason}."
                ) from reason
        partial: Any = PartialLayer.instead_of(layer)
        partial.ratio, partial.stride = self.ratio, extent.stride
        partial.place = edge_places(structure).get(layer.label) if self.edge_weights else None
        return partial


@makes_part
def partial_channels(k: Count = 4, edge_weights: bool = True) -> dict[str, Any]:
    """Operations on one k-th of the channels, and weights of whole edges (PC-DARTS)."""
    if k == 1 and not edge_weights:
        return {}
    edges = {"edges": (PartialChannels(k, edge_weights),)}
    return {**edges, "relaxation": EdgeNormalised} if edge_weights else edges


@capturable
@dataclass(frozen=True)
class Rest:
    """Alphas and betas rest for the first epochs; None for three tenths of the search."""

    epochs: Index | None = None

    def __call__(self, state: SearchState) -> None:
        first = state.epochs * 3 // 10 if self.epochs is None else self.epochs
        state.architecture_moves = state.architecture_moves and state.epoch >= first


@method(
    "pc-darts",
    summary="DARTS on a part of the channels, with weights of whole edges: fast and small",
    paper="PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search (ICLR 2020)",
)
def pc_darts(
    k: int = 4,
    edge_weights: bool = True,
    warmup_epochs: int | None = None,
    order: int = 1,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """PC-DARTS; with ``k`` 1, no edge weights and no warm-up it is DARTS itself.

    Parameters
    ----------
    k
        One k-th of the channels goes through the operations.
    edge_weights
        Whether edges have weights of their own (edge normalisation).
    warmup_epochs
        Epochs at the beginning in which alpha and beta rest, in addition to ``search.warmup_epochs``: the
        later end counts. None for three tenths of the search, the paper's 15 of 50.
    """
    problems = []
    if k < 1:
        problems.append(f"method.k: got {k}; it must be 1 or more.")
    if warmup_epochs is not None and warmup_epochs < 0:
        problems.append(f"method.warmup_epochs: got {warmup_epochs}; it must be 0 or more, or null.")
    if problems:
        raise ConfigError(*problems)
    return darts(order, hvp, radius).but(
        schedules=(Rest(warmup_epochs),), **partial_channels(k, edge_weights)
    )
