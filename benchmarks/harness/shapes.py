"""Our step on a device without numbers, which it takes for a GPU: shapes are computed, and nothing else.

What is made for CPUs stays out, so the operations are those of a GPU, counted on any machine for the cost of
calling them. PyTorch's meta device lacks three things that a GPU has, and gets them here for as long as it
takes: autocast to switch off, a trainer that accepts it, and multi-tensor kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = "meta"


class Nowhere(CPUAccelerator):
    """Accepts any device."""

    def setup_device(self, device: torch.device) -> None:
        return None


class Shapes(SingleDeviceStrategy):
    """Leaves everything there at the end: there is nothing to bring back."""

    def __init__(self) -> None:
        super().__init__(torch.device(DEVICE), accelerator=Nowhere())

    def teardown(self) -> None:
        return None


class Numbers(TorchDispatchMode):
    """Wherever the host asks for a number it gets 1: finite, true, and no reason to stop."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].device.type == DEVICE:
            return 1
        return func(*args, **(kwargs or {}))


@contextmanager
def shapes_only() -> Iterator[None]:
    """Everything on the meta device works inside as it would on a GPU."""
    autocast, is_enabled, supported = (
        torch.autocast,
        torch.is_autocast_enabled,
        _foreach_utils._get_foreach_kernels_supported_devices,
    )

    def no_autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return nullcontext() if device_type == DEVICE else autocast(device_type, *args, **kwargs)

    with (
        patch.object(torch, "autocast", no_autocast),
        patch.object(torch, "is_autocast_enabled", lambda *kind: kind != (DEVICE,) and is_enabled(*kind)),
        patch.object(
            _foreach_utils, "_get_foreach_kernels_supported_devices", lambda: [*supported(), DEVICE]
        ),
        Numbers(),
    ):
        yield
