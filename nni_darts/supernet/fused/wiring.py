"""Which convolutions a level computes, and the tensors of their stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from torch import Tensor

from nni_darts.supernet.fused.geometry import Geometry


class ChainStage(NamedTuple):
    """One stage of its members: flat filters [C, k, k] each, pointwise [K, C, C], the rest [K, C].

    ``weight`` and ``bias`` are the BatchNorms'; ``mean`` and ``variance`` the running ones to evaluate with,
    None when training.
    """

    filters: Any
    pointwise: Any
    weight: Any
    bias: Any
    mean: Any
    variance: Any


class Found(NamedTuple):
    """An output for each target; when training, mean and variance of every stage, [K, C].

    ``correction`` times the variance is unbiased.
    """

    outputs: Sequence[Tensor]
    statistics: list[tuple[Tensor, Tensor]]
    correction: float


@dataclass(frozen=True)
class Wiring:
    """K members, those of two stages first.

    Attributes
    ----------
    geometries
        Of the first stages, K members, and of the second ones if there are any.
    targets
        Number of the output to which each member belongs.
    eps
        Of each stage's BatchNorms.
    """

    geometries: tuple[Geometry, ...]
    targets: tuple[int, ...]
    eps: tuple[float, ...]
    training: bool = True

    def on(self, x: Tensor, training: bool) -> Wiring:
        """For inputs like ``x`` [B, C, H, W]."""
        first = Geometry.placed(self.geometries[0], len(x), tuple(x.shape[2:]))
        others = [Geometry.placed(second, len(x), first.out_size) for second in self.geometries[1:]]
        return replace(self, geometries=(first, *others), training=training)

    @property
    def count(self) -> int:
        """Pixels over which every BatchNorm normalises."""
        return self.geometries[0].count

    @cached_property
    def outs(self) -> int:
        """Number of outputs."""
        return len(set(self.targets))

    @cached_property
    def chained(self) -> int:
        """Members of two stages."""
        return len(self.geometries[1].filters) if len(self.geometries) > 1 else 0

    def ends(self, of_stages: Sequence[Tensor]) -> list[Tensor]:
        """Each member's row of its last stage."""
        seconds = of_stages[1].unbind(0) if self.chained else ()
        return [*seconds, *of_stages[0][self.chained :].unbind(0)]

    def parted(self, tensors: Sequence[Any]) -> tuple[list[ChainStage], Sequence[Any]]:
        """The stages, and what follows them."""
        width = len(ChainStage._fields)
        end = width * len(self.geometries)
        return [ChainStage(*tensors[at : at + width]) for at in range(0, end, width)], tensors[end:]
