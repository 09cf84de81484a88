"""Stand-ins for CUDA graphs on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}
"""Operations that hand a number to the host, which no recording allows."""


@dataclass
class Rerun:
    """A recording that calls the function again: exact, but it also runs the Python in between."""

    fused: bool = False
    runs: int = 0
    recordings: int = 0
    replays: int = 0

    def run(self, work: Callable[[], None]) -> None:
        self.runs += 1
        work()

    def record(self, work: Callable[[], None]) -> _Again:
        self.recordings += 1
        return _Again(self, work)


@dataclass
class _Again:
    owner: Rerun
    work: Callable[[], None]

    def replay(self) -> None:
        self.owner.replays += 1
        self.work()


@dataclass
class Tape:
    """What a CUDA graph is, on the CPU: operations with their tensors, without the Python around them.

    A number of the host is what it was when recorded; a tensor is where it was. Reading a number from a
    tensor is an error while recording. Recording leaves no trace: what it changed is put back.
    """

    fused: bool = True
    runs: int = 0
    tapes: list[_Tape] = field(default_factory=list)

    def run(self, work: Callable[[], None]) -> None:
        self.runs += 1
        work()

    def record(self, work: Callable[[], None]) -> _Tape:
        random = torch.get_rng_state()
        recorder = _Recorder()
        try:
            with recorder:
                work()
        finally:
            recorder.put_back()
            torch.set_rng_state(random)
        self.tapes.append(_Tape(recorder.operations))
        return self.tapes[-1]


@dataclass
class _Tape:
    operations: list[tuple[Any, Any, Any, list[Any]]]
    replays: int = 0

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for function, args, kwargs, results in self.operations:
            again = pytree.tree_leaves(function(*args, **kwargs))
            for target, source in zip(results, again, strict=True):
                if isinstance(target, Tensor) and target.data_ptr() != source.data_ptr():
                    target.copy_(source)


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[Any]]] = []
        self._own: set[int] = set()
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in READS:
            raise RuntimeError("operation not permitted when stream is capturing")
        given = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        for tensor in given:
            self._keep(tensor)
        result = function(*args, **kwargs)
        leaves = pytree.tree_leaves(result)
        storages = {_storage(tensor) for tensor in given}
        made = [leaf for leaf in leaves if isinstance(leaf, Tensor) and _storage(leaf) not in storages]
        self._own.update(_storage(tensor) for tensor in made)
        changes = any(a.alias_info is not None and a.alias_info.is_write for a in function._schema.arguments)
        if made or changes or not leaves:  # all others are views, which stay what they are
            self.operations.append((function, args, kwargs, leaves))
        return result

    def _keep(self, tensor: Tensor) -> None:
        storage = _storage(tensor)
        if storage not in self._own and storage not in self._before:
            whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
            self._before[storage] = (whole, whole.clone())

    def put_back(self) -> None:
        for tensor, value in self._before.values():
            tensor.copy_(value)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
