"""What one step asks of the machine: operations, kernels, arithmetic and memory traffic.

Counted from the calls that reach PyTorch's dispatcher, so the numbers are the same on every machine and in
every run. What does not pass there (a library called through ctypes) is not seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.harness.flops import flops
from benchmarks.harness.held import Step

ALLOCATIONS = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_"}
FREE = {
    "_local_scalar_dense",
    "detach",
    "lift_fresh",
    "_unsafe_view",
    "_reshape_alias",
    "set_",
    "is_same_size",
}
"""Neither a view by its signature nor a kernel."""

NORMS = {"native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit", "_batch_norm_with_update"}
NORMS_BACKWARD = {"native_batch_norm_backward", "cudnn_batch_norm_backward", "batch_norm_backward"}
CONVOLUTIONS_BACKWARD = {"convolution_backward", "convolution_backward_overrideable"}
LIST_KERNEL = 60
"""Tensors that one multi-tensor kernel takes."""


@dataclass
class Counts:
    """Of one step.

    Attributes
    ----------
    operations
        Calls that compute: views and allocations are left out.
    kernels
        What a GPU would launch for them: a convolution 1, its backward 1 for each requested gradient, a
        BatchNorm 3 forward (statistics, running statistics, the result) and 2 backward, a list of tensors 1
        for every 60, all else 1.
    flops
        Of convolutions and matrix products, 2 for a multiplication with its addition.
    bytes
        Read and written, operation by operation, as if no cache held anything.
    """

    operations: int = 0
    kernels: int = 0
    flops: int = 0
    bytes: int = 0
    by_name: Counter[str] = field(default_factory=Counter)


def count(step: Step) -> Counts:
    """Run one step and count; optimisers take lists of tensors at once, as on a GPU."""
    with _lists_at_once(), _Watch() as watch:
        step()
    return watch.counts


@contextmanager
def _lists_at_once() -> Iterator[None]:
    """On a CPU the optimisers of PyTorch go from tensor to tensor unless they are told otherwise."""
    changed: list[dict[str, Any]] = []

    def ask(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        unasked = {"foreach": None, "fused": None}
        groups = [group for group in optimizer.param_groups if unasked.items() <= group.items()]
        for group in groups:
            group["foreach"] = True
        changed.extend(groups)

    hook = register_optimizer_step_pre_hook(ask)
    try:
        yield
    finally:
        hook.remove()
        for group in changed:
            group["foreach"] = None


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.partition("::")[2]
        if not _computes(func, name):
            return result
        counts = self.counts
        counts.operations += 1
        counts.kernels += _kernels(name, args)
        counts.flops += flops(name, args, result)
        # What works in place on lists returns nothing; its first argument is what it writes.
        written = result if func._schema.returns else args[0]
        counts.bytes += _traffic((args, kwargs)) + _traffic(written)
        counts.by_name[name] += 1
        return result


def _computes(func: Any, name: str) -> bool:
    if name in ALLOCATIONS or name in FREE or func.namespace in ("prim", "profiler"):
        return False
    aliases = [value.alias_info for value in func._schema.returns]
    return not any(alias is not None and not alias.is_write for alias in aliases)


def _kernels(name: str, args: Any) -> int:
    if name in CONVOLUTIONS_BACKWARD:
        return sum(args[-1])
    if name in NORMS:
        return 3
    if name in NORMS_BACKWARD:
        return 2
    if name.startswith("_foreach"):
        return math.ceil(len(args[0]) / LIST_KERNEL)
    return 1


def _traffic(values: Any) -> int:
    return sum(_bytes(value) for value in tree_leaves(values) if isinstance(value, Tensor))


def _bytes(tensor: Tensor) -> int:
    """Of the elements that exist: an expanded dimension is read from one place."""
    distinct = math.prod(
        size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride != 0
    )
    return distinct * tensor.element_size()
