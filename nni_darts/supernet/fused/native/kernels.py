"""The kernels of ``chains.c`` on tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.native.compiler import library
from nni_darts.supernet.fused.native.geometry import Geometry

_VECTOR = 64
"""Bytes of the widest vector that is worth while."""

_REALS = {torch.float32: "float", torch.float64: "double"}


def kernels_for(dtype: torch.dtype, channels: int) -> Kernels | None:
    """The kernels for these channels; None where there are none."""
    real = _REALS.get(dtype)
    if real is None:
        return None
    lanes = _VECTOR // dtype.itemsize
    while channels % lanes:
        lanes //= 2
    found = library(real, lanes)
    return None if found is None else Kernels(found)


class Kernels:
    """Every method is one call; all tensors are contiguous, of one type, on the CPU."""

    def __init__(self, compiled: ctypes.CDLL) -> None:
        self._compiled = compiled

    def forward(
        self,
        geometry: Geometry,
        inputs: Sequence[Tensor],
        maps: Tensor | None,
        shifts: Tensor | None,
        filters: Tensor,
        moments: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Rectified inputs, or rectified maps of them, convolved.

        Parameters
        ----------
        inputs
            S images [B, H, W, C].
        maps, shifts
            [S, in, out] and [S, C], or None.
        filters
            Flat, [C, k, k] per member.

        Returns
        -------
        Outputs z [K, B, H', W', C]; sums over their pixels [K, C + C * C] of z and of z z^T, if asked.
        """
        z = filters.new_empty(geometry.out_shape)
        sums = self._sums(geometry, len(geometry.filters), filters) if moments else None
        self._call(
            "forward",
            geometry,
            *(geometry.members, _pointers(inputs), _pointer(maps), _pointer(shifts), _pointer(filters)),
            *(_pointer(z), _pointer(sums)),
        )
        return z, None if sums is None else sums.sum(0)

    def combine(
        self, geometry: Geometry, targets: Sequence[int], z: Sequence[Tensor], maps: Tensor, shifts: Tensor
    ) -> list[Tensor]:
        """Output e: ``shifts[e]`` plus the sum of ``maps[k]`` [in, out] times z[k] over e's members k."""
        outputs = [torch.empty_like(z[0]) for _ in range(len(shifts))]
        numbers = (ctypes.c_int64 * len(targets))(*targets)
        self._call(
            "combine",
            geometry,
            *(ctypes.c_int64(len(outputs)), numbers, _pointers(z), _pointer(maps), _pointer(shifts)),
            _pointers(outputs),
        )
        return outputs

    def outer(self, geometry: Geometry, gradients: Sequence[Tensor], z: Sequence[Tensor]) -> Tensor:
        """Sums over the pixels [K, C + C * C] of g and of g z^T."""
        sums = self._sums(geometry, len(z), z[0])
        self._call("outer", geometry, _pointers(gradients), _pointers(z), _pointer(sums))
        return sums.sum(0)

    def backward(
        self,
        geometry: Geometry,
        inputs: Sequence[Tensor],
        maps: Tensor | None,
        shifts: Tensor | None,
        filters: Tensor,
        z: Tensor,
        upstream: Sequence[Tensor],
        back: Tensor,
        of_sums: tuple[Tensor, Tensor],
        wants_filters: bool,
        wants_inputs: bool,
    ) -> tuple[Tensor | None, list[Tensor] | None, Tensor | None]:
        """Gradients of ``forward`` and of the maps after it.

        Parameters
        ----------
        upstream, back
            Gradients of what the map after each member gives [B, H', W', C], and those maps [K, out, in].
        of_sums
            [K, C] and [K, C, C]: what the moments add to the gradient of z, a shift and a multiple of z.

        Returns
        -------
        Of the filters: flat, [C, k, k] per member; of the inputs, or of what the maps of them gave;
        of the maps: the sums of ``outer`` [S, C + C * C].
        """
        of_filters = filters.new_zeros(geometry.groups, geometry.begins[-1]) if wants_filters else None
        of_inputs = [torch.empty_like(x) for x in inputs] if wants_inputs else None
        of_maps = self._sums(geometry, len(inputs), filters) if wants_inputs and maps is not None else None
        self._call(
            "backward",
            geometry,
            *(geometry.members, _pointers(inputs), _pointer(maps), _pointer(shifts), _pointer(filters)),
            *(_pointer(z), _pointers(upstream), _pointer(back), *map(_pointer, of_sums)),
            *(_pointer(of_filters), _pointers(of_inputs), _pointer(of_maps)),
        )
        return (
            None if of_filters is None else of_filters.sum(0)[geometry.order],
            of_inputs,
            None if of_maps is None else of_maps.sum(0),
        )

    def _call(self, name: str, geometry: Geometry, *arguments: Any) -> None:
        geometry.shape.threads = torch.get_num_threads()
        getattr(self._compiled, name)(ctypes.byref(geometry.shape), *arguments)

    @staticmethod
    def _sums(geometry: Geometry, count: int, like: Tensor) -> Tensor:
        return like.new_zeros(geometry.groups, count, geometry.channels * (1 + geometry.channels))


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    if tensor is None:
        return ctypes.c_void_p(None)
    assert tensor.is_contiguous()
    return ctypes.c_void_p(tensor.data_ptr())


def _pointers(tensors: Sequence[Tensor] | None) -> Any:
    if tensors is None:
        return ctypes.c_void_p(None)
    return (ctypes.c_void_p * len(tensors))(*(_pointer(tensor) for tensor in tensors))
