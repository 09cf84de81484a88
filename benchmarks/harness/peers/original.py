"""The authors' implementation, from a checkout of quark0/darts that the user has made.

Nothing of it is part of this repository. Its files import each other by bare names, so they are loaded under
those names and then taken out of ``sys.modules`` again. It moves every tensor to a GPU; on the CPU
``cuda()`` does nothing while it runs, and only then.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import cycle
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness.case import Batch, Case
from benchmarks.harness.held import Step
from benchmarks.harness.peers.peer import Peer
from search_spaces.operations import PRIMITIVES

FILES = ("genotypes", "operations", "model_search", "architect")


@cache
def modules(folder: Path) -> dict[str, ModuleType]:
    """The checkout's modules by name, without a trace in ``sys.modules`` and ``sys.path``."""
    before = {name: sys.modules.pop(name) for name in FILES if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        return {name: import_module(name) for name in FILES}
    finally:
        sys.path.remove(str(folder))
        for name in FILES:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def folder_of(checkout: Path) -> Path:
    """The folder that holds the code: of a repository, its ``cnn``."""
    return checkout / "cnn" if (checkout / "cnn").is_dir() else checkout


def missing(case: Case, checkout: Path | None) -> str | None:
    if checkout is None:
        return "give --peer-darts PATH, a checkout of quark0/darts."
    absent = [f"{name}.py" for name in FILES if not (folder_of(checkout) / f"{name}.py").is_file()]
    if absent:
        return f"{folder_of(checkout)} has no {', '.join(absent)}; it is no checkout of quark0/darts."
    if case.primitives != PRIMITIVES:
        return "its operations are a constant of its code."
    if case.nodes != 4:
        return "its second order rebuilds the network with four nodes, whatever the first had."
    return None


@contextmanager
def as_written(case: Case) -> Iterator[None]:
    """What the code expects of PyTorch: a GPU, weights born in the default type, old argument orders."""
    saved = torch.Tensor.cuda, nn.Module.cuda
    default = torch.get_default_dtype()
    torch.set_default_dtype(case.tensor_dtype)
    if case.kind == "cpu":
        torch.Tensor.cuda = nn.Module.cuda = _itself  # type: ignore[method-assign, assignment]
    try:
        with warnings.catch_warnings(), torch.autocast(case.kind, torch.bfloat16, case.dtype == "bfloat16"):
            warnings.simplefilter("ignore")  # add_(Number, Tensor) is deprecated, and still right
            yield
    finally:
        torch.set_default_dtype(default)
        torch.Tensor.cuda, nn.Module.cuda = saved  # type: ignore[method-assign]


def _itself(thing: Any, *args: Any, **kwargs: Any) -> Any:
    return thing


@dataclass
class Original:
    """The network with its architect, and the loop body of its train_search.py."""

    case: Case
    network: Any
    architect: Any
    optimizer: torch.optim.SGD

    @classmethod
    def build(cls, case: Case, checkout: Path) -> Original:
        code = modules(folder_of(checkout).resolve())
        torch.manual_seed(case.seed)
        with as_written(case):
            criterion = nn.CrossEntropyLoss()
            network = code["model_search"].Network(case.channels, 10, case.layers, criterion).to(case.device)
            settings = SimpleNamespace(
                momentum=0.9, weight_decay=3e-4, arch_learning_rate=3e-4, arch_weight_decay=1e-3
            )
            architect = code["architect"].Architect(network, settings)
        optimizer = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
        return cls(case, network, architect, optimizer)

    def step(self, order: int, train: Batch, valid: Batch) -> Tensor:
        """One step; the loss of its weight step."""
        with as_written(self.case):
            self.architect.step(*train, *valid, 0.025, self.optimizer, unrolled=order == 2)
            self.optimizer.zero_grad()
            loss: Tensor = self.network._loss(*train)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
        return loss.detach()


def hold(case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]) -> None:
    assert checkout is not None
    original = Original.build(case, checkout)
    turns = cycle(case.batches())

    def step() -> None:
        batch = next(turns)
        original.step(order, batch["train"], batch["val"])

    then(step)


PEER = Peer("original", "quark0/darts", (1, 2), missing, hold)
