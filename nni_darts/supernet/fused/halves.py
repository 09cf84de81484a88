"""Factorised reductions of one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.norm import Norms
from nni_darts.supernet.fused.normalise import mapped, moments


class Halves:
    """T targets that read one source through a factorised reduction.

    The reduction is one linear map [D, 2C] of the even and the odd pixels side by side, block diagonal.
    """

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
        z = torch.cat([x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]], 1)
        pixels = z.flatten(2)
        count = len(self.targets)
        even = page.weights[self.even].view(count, -1, self.channels)
        odd = page.weights[self.odd].view(count, -1, self.channels)
        filters = torch.cat(
            [torch.cat([even, torch.zeros_like(even)], 2), torch.cat([torch.zeros_like(odd), odd], 2)], 1
        )
        with torch.autocast(z.device.type, enabled=False):  # statistics need all the digits
            mean, covariance = moments(pixels.unsqueeze(1)) if page.statistics is None else (None, None)
            filters, shift = self.norms.fold(page, filters, mean, covariance, len(z) * pixels.shape[2])
        weights = page.coefficients[self.coefficients].unsqueeze(1)
        shift, filters = shift * weights, filters * weights.unsqueeze(2)
        found = mapped(filters.flatten(0, 1), shift.flatten(), pixels)
        outputs = found.unflatten(1, (count, -1)).unflatten(3, z.shape[2:])
        for target, output in zip(self.targets, outputs.unbind(1), strict=True):
            page.add(target, output)
