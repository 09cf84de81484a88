"""The compiled kernels as functions of tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.native.compiler import library, switched_off

_VECTOR = 64
"""Bytes of the widest vector that is worth while."""

_TYPES = {torch.float32: ("float", "int32_t"), torch.float64: ("double", "int64_t")}

INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}
"""The integer of the size of a float."""


class Kernels:
    """Calls a kernel by its name in the C sources, which say what it takes.

    Tensors must be contiguous, on the CPU and of one type; lists of tensors become arrays of pointers, None a
    null pointer.
    """

    def __init__(self, compiled: ctypes.CDLL) -> None:
        self._compiled = compiled

    def __call__(self, name: str, *arguments: Any) -> None:
        self.function(name)(*map(_argument, arguments))

    def function(self, name: str) -> Any:
        """The compiled function itself, for callers that know how C wants its arguments."""
        return getattr(self._compiled, name)


def kernels_for(dtype: torch.dtype, channels: int) -> Kernels | None:
    """The kernels for these channels; None where there are none."""
    return None if switched_off() else _kernels_for(dtype, channels)


@cache
def _kernels_for(dtype: torch.dtype, channels: int) -> Kernels | None:
    if dtype not in _TYPES:
        return None
    lanes = _VECTOR // dtype.itemsize
    while channels % lanes:
        lanes //= 2
    found = library(*_TYPES[dtype], lanes)
    return None if found is None else Kernels(found)


def kernels_of(dtype: torch.dtype, channels: int) -> Kernels:
    """The same where they are known to be there."""
    found = kernels_for(dtype, channels)
    assert found is not None
    return found


def is_native(state: Tensor) -> bool:
    """Whether there are kernels for images like this one [B, C, H, W]."""
    return state.device.type == "cpu" and kernels_for(state.dtype, state.shape[1]) is not None


def _argument(value: Any) -> Any:
    if value is None or isinstance(value, Tensor):
        return _pointer(value)
    if isinstance(value, float):
        return ctypes.c_double(value)
    if isinstance(value, int):
        return ctypes.c_int64(value)
    if isinstance(value, Sequence):
        if all(isinstance(item, int) for item in value):
            return (ctypes.c_int64 * len(value))(*value)
        return (ctypes.c_void_p * len(value))(*map(_pointer, value))
    return value


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    if tensor is None:
        return ctypes.c_void_p(None)
    assert tensor.is_contiguous()
    return ctypes.c_void_p(tensor.data_ptr())
