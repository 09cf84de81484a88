"""The depthwise convolutions of a stage."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

GROUPS = 16
"""Most groups of images that are worked on side by side."""

SUMS = 2**19
"""Most numbers that all groups together may keep for their sums."""


class _Shape(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            *("batch", "height", "width", "out_height", "out_width", "channels"),
            *("border", "sources", "members", "filter_size", "groups", "threads"),
        )
    ]


class _Member(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64) for name in ("source", "kernel", "stride", "dilation", "padding", "filter")
    ]


@dataclass(frozen=True)
class Filter:
    """One depthwise convolution: "same" padding, an odd square kernel.

    Attributes
    ----------
    source
        Number of the input that it reads.
    """

    source: int
    kernel: int
    stride: int
    dilation: int

    @property
    def window(self) -> tuple[int, int, int]:
        """Kernel, stride and dilation."""
        return self.kernel, self.stride, self.dilation

    @property
    def padding(self) -> int:
        """Zeros on every side."""
        return self.dilation * (self.kernel - 1) // 2


@dataclass(frozen=True)
class Geometry:
    """K depthwise convolutions of S inputs [B, H, W, C] of one size; all strides are equal."""

    filters: tuple[Filter, ...]
    sources: int
    channels: int
    batch: int = 0
    size: tuple[int, int] = (0, 0)

    @staticmethod
    @cache
    def placed(geometry: Geometry, batch: int, size: tuple[int, int]) -> Geometry:
        """The same for inputs of this batch and size."""
        return replace(geometry, batch=batch, size=size)

    @staticmethod
    @cache
    def pooling(batch: int, size: tuple[int, int], channels: int, stride: int) -> Geometry:
        """Of one 3x3 pool."""
        return Geometry((Filter(0, 3, stride, 1),), 1, channels, batch, size)

    @cached_property
    def out_size(self) -> tuple[int, int]:
        """Height and width of the outputs."""
        stride = self.filters[0].stride
        return -(-self.size[0] // stride), -(-self.size[1] // stride)

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Of all outputs, [K, B, H', W', C]."""
        return (len(self.filters), self.batch, *self.out_size, self.channels)

    @property
    def count(self) -> int:
        """Pixels over which an output's moments are taken."""
        return self.batch * self.out_size[0] * self.out_size[1]

    @property
    def correction(self) -> float:
        """Makes a variance over those pixels unbiased.

        Raises
        ------
        ValueError
            There is a single one.
        """
        if self.count < 2:
            raise ValueError(f"BatchNorm needs more than one value per channel to train; got {self.count}.")
        return self.count / (self.count - 1)

    @property
    def groups(self) -> int:
        """Groups of images; a constant of the shape, so that results do not depend on the threads."""
        sums = len(self.filters) * self.channels * (1 + self.channels)
        return max(1, min(self.batch, GROUPS, SUMS // sums))

    @property
    def is_native(self) -> bool:
        """Whether the kernels know these filters."""
        return all(filter.kernel in (3, 5, 7) for filter in self.filters)

    @cached_property
    def begins(self) -> list[int]:
        """Where each filter begins among the flat ones, and where the last ends."""
        found = [0]
        for filter in self.filters:
            found.append(found[-1] + self.channels * filter.kernel**2)
        return found

    @cached_property
    def order(self) -> Tensor:
        """Index that takes [k, k, C] per member, as the kernels leave gradients, to [C, k, k]."""
        rows = []
        for filter, begin in zip(self.filters, self.begins, strict=False):
            taps = filter.kernel**2
            rows.append(begin + torch.arange(taps * self.channels).view(taps, self.channels).t().reshape(-1))
        return torch.cat(rows)

    def sums(self, like: Tensor, members: int | None = None) -> Tensor:
        """Room for sums over pixels, [groups, members, C + C * C]; the whole will be in the first."""
        return like.new_empty(self.groups, members or len(self.filters), self.channels * (1 + self.channels))

    @property
    def call(self) -> tuple[Any, Any]:
        """The first two arguments of a kernel: the shape and the members."""
        self._shape.threads = torch.get_num_threads()
        return ctypes.byref(self._shape), self._members

    @cached_property
    def _shape(self) -> Any:
        return _Shape(
            *(self.batch, *self.size, *self.out_size, self.channels),
            *(max(filter.padding for filter in self.filters), self.sources, len(self.filters)),
            *(self.begins[-1], self.groups, 1),
        )

    @cached_property
    def _members(self) -> Any:
        return (_Member * len(self.filters))(
            *(
                _Member(f.source, f.kernel, f.stride, f.dilation, f.padding, begin)
                for f, begin in zip(self.filters, self.begins, strict=False)
            )
        )
