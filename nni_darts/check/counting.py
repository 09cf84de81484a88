"""Counting what one forward of a network computes, operation by operation."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
KEYS = ("macs_conv", "macs_linear", "bn_elements", "relu_elements", "pool_outputs")


def count_parameters(module: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_forward(network: nn.Module, *shape: int) -> Counter[str]:
    """What one eval-mode forward of an input of ``shape`` computes.

    Keys: ``macs_conv`` and ``macs_linear`` (multiply-accumulates), ``bn_elements``, ``relu_elements``,
    ``pool_outputs`` (the pools of cells, not the global one).
    """
    counter = _Counting()
    network.eval()
    with torch.no_grad(), counter:
        network(torch.zeros(shape))
    return counter.counts


class _Counting(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter(dict.fromkeys(KEYS, 0))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet is _aten.relu:
            self.counts["relu_elements"] += result.numel()
        elif packet is _aten.native_batch_norm:
            self.counts["bn_elements"] += result[0].numel()
        elif packet is _aten.convolution:
            self.counts["macs_conv"] += result.numel() * args[1][0].numel()
        elif packet is _aten.addmm:
            self.counts["macs_linear"] += result.numel() * args[1].shape[1]
        elif packet is _aten.max_pool2d_with_indices:
            self.counts["pool_outputs"] += result[0].numel()
        elif packet is _aten.avg_pool2d:
            self.counts["pool_outputs"] += result.numel()
        return result
