"""Small tensors of many modules, read together in every forward and written back together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


class Gather:
    """One tensor attribute of many modules as one flat tensor, cut into the parts that were asked for.

    The attribute is looked up at every read, so weights that ``functional_call`` puts into the modules
    are the ones that are read.
    """

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        self._modules: list[nn.Module] = []
        self._parts: list[tuple[int, int]] = []

    def ask(self, modules: Sequence[Any]) -> int:
        """Number of the part that will hold these modules' tensors one after the other."""
        self._parts.append((len(self._modules), len(self._modules) + len(modules)))
        self._modules += modules
        return len(self._parts) - 1

    def read(self) -> Sequence[Tensor]:
        """All parts, flat. One concatenation, so that the gradient of all is one as well."""
        tensors = self.tensors()
        if not tensors:
            return ()
        ends = self._parts
        sizes = [sum(tensor.numel() for tensor in tensors[start:end]) for start, end in ends]
        return torch.cat([tensor.reshape(-1) for tensor in tensors]).split(sizes)

    def tensors(self) -> list[Tensor]:
        """The modules' tensors in the order of the parts."""
        return [getattr(module, self.attribute) for module in self._modules]


@dataclass(frozen=True)
class Batch:
    """Means and variances of BatchNorms, one after the other; ``correction`` makes the latter unbiased."""

    means: Sequence[Tensor]
    variances: Sequence[Tensor]
    correction: float


class Statistics:
    """The BatchNorms of a cell: statistics to evaluate with, or those of a batch to update them with."""

    def __init__(self) -> None:
        self._mean = Gather("running_mean")
        self._var = Gather("running_var")
        self._count = Gather("num_batches_tracked")
        self.norms: list[Any] = []

    def ask(self, norms: Sequence[Any]) -> int:
        """Number of the part that belongs to these BatchNorms."""
        self.norms += norms
        self._count.ask(norms)
        self._mean.ask(norms)
        return self._var.ask(norms)

    def read(self) -> list[tuple[Tensor, Tensor]]:
        """Mean and variance of every part, flat."""
        return list(zip(self._mean.read(), self._var.read(), strict=True))

    @torch.no_grad()
    def update(self, found: Sequence[Batch]) -> None:
        """Move every running statistic towards what its part found."""
        if not self.norms:
            return
        sizes = [norm.num_features for norm in self.norms]
        momenta = [norm.momentum for norm in self.norms]
        means = torch.cat([mean.reshape(-1) for batch in found for mean in batch.means])
        biased = [(v.reshape(-1), batch.correction) for batch in found for v in batch.variances]
        corrections = [correction for _, correction in biased]
        variances = torch.cat(torch._foreach_mul([v for v, _ in biased], corrections))
        for gather, new in ((self._mean, means.split(sizes)), (self._var, variances.split(sizes))):
            running = gather.tensors()
            for momentum in set(momenta):
                chosen = [index for index, value in enumerate(momenta) if value == momentum]
                torch._foreach_lerp_([running[i] for i in chosen], [new[i] for i in chosen], momentum)
        torch._foreach_add_(self._count.tensors(), 1)
