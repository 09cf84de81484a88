"""Factorised reductions of one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.norm import Norms
from nni_darts.supernet.fused.normalise import normalise


class Halves:
    """T targets that read one source through a factorised reduction."""

    def __init__(self, book: Book, members: Sequence[Member]) -> None:
        self.source = members[0].source
        self.targets = [member.target for member in members]
        forms: list[Any] = [member.form for member in members]
        self.coefficients = book.coefficients.ask([member.place for member in members])
        self.even = book.weights.ask([form.even for form in forms])
        self.odd = book.weights.ask([form.odd for form in forms])
        self.norms = Norms(book, [form.norm for form in forms])
        self.channels = forms[0].even.in_channels

    def run(self, page: Page, states: Sequence[Tensor]) -> None:
        """Add the weighted reduction to every target."""
        x = page.rectified(self.source, states)
        count = len(self.targets)
        halves = []
        for start, slot in enumerate((self.even, self.odd)):
            pixels = x[:, :, start::2, start::2].flatten(2)
            product = torch.matmul(page.weights[slot].view(-1, self.channels), pixels)
            halves.append(product.unflatten(1, (count, -1)))
        reduced = torch.cat(halves, 2)
        normal = normalise(reduced.flatten(1, 2), self.norms.eps, *self.norms.read(page))
        self.norms.record(page, [normal.mean], [normal.variance], correction=1.0)
        weights = page.coefficients[self.coefficients].to(normal.output.dtype)
        weighted = weights.view(-1, 1, 1) * normal.output.view_as(reduced)
        size = x.shape[2] // 2, x.shape[3] // 2
        for target, output in zip(self.targets, weighted.unflatten(3, size).unbind(1), strict=True):
            page.add(target, output)
