"""What all edges from one state share: the state itself and its pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nni_darts.supernet.fused.book import Book, Page, Place
from nni_darts.supernet.fused.forms import Pooled
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.native.pools import AVERAGE, MAXIMUM, SAME, Features, mix_pools
from nni_darts.supernet.fused.normalise import normalise


class Shared:
    """F features of one source, each computed once, mixed into T targets by a matrix [T, F].

    BatchNorms without weights that see the same pool all give the same output; each keeps its own running
    statistics.

    Parameters
    ----------
    features
        The members of every feature: equal signature, one for each target that has it.
    native
        Whether kernels compute the features that they can.
    """

    def __init__(self, book: Book, features: Sequence[Sequence[Member]], native: bool) -> None:
        self.source = features[0][0].source
        self.targets = sorted({member.target for feature in features for member in feature})
        places: dict[int, list[Place]] = {target: [None] * len(features) for target in self.targets}
        for column, feature in enumerate(features):
            for member in feature:
                places[member.target][column] = member.place
        self.coefficients = book.coefficients.ask([place for row in places.values() for place in row])
        self.features = [_Feature(book, feature) for feature in features]
        kinds = tuple(feature.kind for feature in self.features if feature.kind is not None)
        strides = {feature.stride for feature in self.features}
        self.native: Features | None = None
        if native and len(kinds) == len(features) and len(strides) == 1:
            self.native = Features(kinds, tuple(feature.eps for feature in self.features), strides.pop())

    def run(self, page: Page, states: Sequence[Tensor]) -> None:
        """Add the weighted features to every target."""
        x = states[self.source]
        weights = page.coefficients[self.coefficients].view(len(self.targets), -1)
        if page.statistics is not None:
            self._evaluate(page, x, weights)
            return
        if self.native is not None:
            self._mix(page, x, weights, self.native)
            return
        found = [feature.train(page, x) for feature in self.features]
        rows = torch.stack([feature.flatten() for feature in found])
        for target, row in zip(self.targets, (weights @ rows).unbind(0), strict=True):
            page.add(target, row.view_as(found[0]))

    def _mix(self, page: Page, x: Tensor, weights: Tensor, features: Features) -> None:
        totals = [page.totals.get(target) for target in self.targets]
        mixed = mix_pools(features, weights, x.permute(0, 2, 3, 1), totals)
        page.totals.update(zip(self.targets, mixed.outputs, strict=True))
        for feature, mean, variance in zip(self.features, mixed.mean, mixed.variance, strict=True):
            if feature.eps is not None:
                edges = len(feature.targets)
                page.record(feature.statistics, [mean] * edges, [variance] * edges, mixed.correction)

    def _evaluate(self, page: Page, x: Tensor, weights: Tensor) -> None:
        """Running statistics differ between edges, and with them the normalised pools."""
        for feature, column in zip(self.features, weights.unbind(1), strict=True):
            for target, value in feature.evaluate(page, x):
                page.add(target, column[self.targets.index(target)] * value)


class _Feature:
    def __init__(self, book: Book, members: Sequence[Member]) -> None:
        form: Any = members[0].form
        self.targets = [member.target for member in members]
        self.pool: nn.Module | None = form.pool if isinstance(form, Pooled) else None
        self.kind, self.stride = _native_kind(self.pool)
        self.eps: float | None = None
        if isinstance(form, Pooled) and form.norm is not None:
            forms: list[Any] = [member.form for member in members]
            self.eps = float(forms[0].norm.eps)
            self.statistics = book.statistics.ask([form.norm for form in forms])

    def train(self, page: Page, x: Tensor) -> Tensor:
        """Normalised by the batch."""
        pooled = x if self.pool is None else self.pool(x)
        if self.eps is None:
            return pooled
        normal = normalise(pooled, self.eps)
        edges = len(self.targets)
        page.record(self.statistics, [normal.mean] * edges, [normal.variance] * edges, correction=1.0)
        return normal.output

    def evaluate(self, page: Page, x: Tensor) -> list[tuple[int, Tensor]]:
        """Target -> normalised by the running statistics of the edge to it."""
        pooled = x if self.pool is None else self.pool(x)
        if self.eps is None:
            return [(target, pooled) for target in self.targets]
        assert page.statistics is not None
        mean, variance = page.statistics[self.statistics]
        shape = (len(self.targets), -1)
        rows = zip(self.targets, mean.view(shape), variance.view(shape), strict=True)
        return [(target, functional.batch_norm(pooled, m, v, eps=self.eps)) for target, m, v in rows]


def _native_kind(pool: Any) -> tuple[int | None, int]:
    """What the kernels call a feature, None for what they do not know, and its stride."""
    if pool is None:
        return SAME, 1
    if (pool.kernel_size, pool.padding) != (3, 1) or not isinstance(pool.stride, int) or pool.ceil_mode:
        return None, 1
    if isinstance(pool, nn.MaxPool2d):
        return (MAXIMUM if pool.dilation == 1 and not pool.return_indices else None), pool.stride
    plain = not pool.count_include_pad and pool.divisor_override is None
    return (AVERAGE if plain else None), pool.stride
