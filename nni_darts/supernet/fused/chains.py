"""Separable convolutions of one kind from some states to some nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.depthwise import depthwise
from nni_darts.supernet.fused.forms import Separable, Stage
from nni_darts.supernet.fused.layout import images, pixels
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.norm import Norms
from nni_darts.supernet.fused.normalise import moments


class Chains:
    """T targets that read the same S sources through candidates of one signature, K = T * S in all.

    Parameters
    ----------
    grid
        One row of members for each target, in the order of the sources.
    """

    def __init__(self, book: Book, grid: Sequence[Sequence[Member]]) -> None:
        self.targets = [row[0].target for row in grid]
        self.sources = tuple(member.source for member in grid[0])
        members = [member for row in grid for member in row]
        self.coefficients = book.coefficients.ask([member.place for member in members])
        forms: list[Any] = [member.form for member in members]
        self.stages = [_Stage(book, stages) for stages in zip(*map(_stages, forms), strict=True)]

    def run(self, page: Page, states: Sequence[Tensor]) -> None:
        """Add the weighted sum over the sources to every target."""
        x = self._input(page, states)
        *before, last = self.stages
        for stage in before:
            z, filters, shift = stage.run(page, x)
            rows = torch.baddbmm(
                shift.unsqueeze(1), pixels(z).unflatten(1, shift.shape).transpose(0, 1), filters
            )
            x = images(rows.relu().transpose(0, 1).flatten(1), z)
        z, filters, shift = last.run(page, x)
        weights = page.coefficients[self.coefficients]
        count = len(self.targets)
        filters = (filters * weights.view(-1, 1, 1)).reshape(count, -1, filters.shape[2])
        shift = (shift * weights.unsqueeze(1)).view(count, -1, shift.shape[1]).sum(1)
        rows = torch.baddbmm(shift.unsqueeze(1), pixels(z).unflatten(1, (count, -1)).transpose(0, 1), filters)
        for target, row in zip(self.targets, rows.unbind(0), strict=True):
            page.add(target, images(row, z))

    def _input(self, page: Page, states: Sequence[Tensor]) -> Tensor:
        """Rectified sources side by side, once for each target."""
        key = (self.sources, len(self.targets))
        if key not in page.shared:
            rectified = [page.rectified(source, states) for source in self.sources]
            repeated = rectified * len(self.targets)
            page.shared[key] = repeated[0] if len(repeated) == 1 else torch.cat(repeated, 1)
        return page.shared[key]


class _Stage:
    """Depthwise convolution, pointwise convolution and BatchNorm of K members."""

    def __init__(self, book: Book, stages: Sequence[Stage]) -> None:
        conv: Any = stages[0].depthwise
        self.geometry = (conv.stride, conv.padding, conv.dilation)
        self.kernel = conv.kernel_size
        self.depthwise = book.weights.ask([stage.depthwise for stage in stages])
        self.pointwise = book.weights.ask([stage.pointwise for stage in stages])
        self.norms = Norms(book, [stage.norm for stage in stages])
        self.shape = (len(stages), conv.out_channels)

    def run(self, page: Page, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Output of the depthwise convolution, and what comes after it: filters [K, C, D], biases [K, D]."""
        z = depthwise(x, page.weights[self.depthwise].view(-1, 1, *self.kernel), *self.geometry)
        rows = pixels(z).unflatten(1, self.shape)
        filters = page.weights[self.pointwise].view(*self.shape, self.shape[1])
        mean, covariance = moments(rows) if page.statistics is None else (None, None)
        filters, shift = self.norms.fold(page, filters, mean, covariance, len(rows))
        return z, filters.transpose(1, 2), shift


def _stages(form: Separable) -> tuple[Stage, ...]:
    return form.stages
