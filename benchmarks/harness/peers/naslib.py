"""NASLib's DARTSOptimizer on its NASBench-301 space: first order only, in the sizes that its space fixes.

Written from NASLib's sources, for the optimiser's keyword arguments as well as for its older configuration
object; it has not run yet where this file was written, since no package of it could be had there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step
from benchmarks.harness.peers.peer import Peer
from search_spaces.operations import PRIMITIVES

SETTINGS = {
    "learning_rate": 0.025,
    "momentum": 0.9,
    "weight_decay": 3e-4,
    "grad_clip": 5,
    "unrolled": False,
    "arch_learning_rate": 3e-4,
    "arch_weight_decay": 1e-3,
}


def missing(case: Case, checkout: Path | None) -> str | None:
    if find_spec("naslib") is None:
        return "the package naslib is not installed."
    if (case.layers, case.nodes, case.primitives) != (8, 4, PRIMITIVES):
        return "its space has eight cells of four nodes and all eight operations."
    if case.dtype != "float32":
        return "its optimiser knows float32 only."
    return None


def hold(case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]) -> None:
    from naslib.optimizers import DARTSOptimizer
    from naslib.search_spaces import NasBench301SearchSpace

    torch.manual_seed(case.seed)
    space = NasBench301SearchSpace()
    if space.channels[0] != case.channels:
        raise ValueError(
            f"its space has a width of {space.channels[0]}; give --channels {space.channels[0]}."
        )
    optimizer = _optimizer(DARTSOptimizer)
    optimizer.device = torch.device(case.device)
    optimizer.adapt_search_space(space, dataset="cifar10")
    optimizer.before_training()
    turns = cycle(case.batches())

    def step() -> None:
        batch = next(turns)
        optimizer.step(batch["train"], batch["val"])

    then(step)


def _optimizer(cls: Any) -> Any:
    if "config" in inspect.signature(cls).parameters:
        return cls(SimpleNamespace(search=SimpleNamespace(**SETTINGS), **SETTINGS))
    return cls(**SETTINGS)


PEER = Peer("naslib", "NASLib", (1,), missing, hold)
