"""betty (package betty-ml): second-order DARTS as its neural_architecture_search example writes it.

Two implicit problems, ``roll_back`` on, the DARTS finite difference as hypergradient. The lower problem's
network is the authors', where a checkout of quark0/darts is given, else our generic supernet, which computes
the same; it is betty's engine that is measured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step, searched
from benchmarks.harness.ours import space_of
from benchmarks.harness.peers import original
from benchmarks.harness.peers.peer import Peer
from nni_darts import DARTS


@dataclass(frozen=True)
class Pair:
    """Both levels: a module that holds the alphas, one that holds the weights, and the loss of a batch."""

    alphas: nn.Module
    weights: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    running: Callable[[], AbstractContextManager[None]]


class Alphas(nn.Module):
    """The authors' two tables of alphas as parameters of their own."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.normal = nn.Parameter(network.alphas_normal.detach().clone())
        self.reduce = nn.Parameter(network.alphas_reduce.detach().clone())


def authors_pair(case: Case, checkout: Path) -> Pair:
    network = original.Original.build(case, checkout).network
    alphas = Alphas(network)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        # As views: a parameter that is assigned to a module would become one of its own.
        network.alphas_normal = alphas.normal.view_as(alphas.normal)
        network.alphas_reduce = alphas.reduce.view_as(alphas.reduce)
        return network._loss(x, y)

    return Pair(alphas, network, loss, lambda: original.as_written(case))


def own_pair(case: Case) -> Pair:
    torch.manual_seed(case.seed)
    evaluator, model = searched(DARTS(order=1, supernet="generic"), space_of(case), case)
    model.to(case.device, case.tensor_dtype)
    alphas = evaluator.module.relaxation.to(case.device, case.tensor_dtype)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(case.kind, torch.bfloat16, case.dtype == "bfloat16"):
            return functional.cross_entropy(model(x), y)

    return Pair(alphas, model, loss, nullcontext)


def engine_of(pair: Pair, case: Case) -> Any:
    """betty's engine, ready for ``train_step``."""
    from betty.configs import Config, EngineConfig
    from betty.engine import Engine
    from betty.problems import ImplicitProblem

    logging.getLogger("betty").setLevel(logging.ERROR)  # its import sets a level of its own

    class Level(ImplicitProblem):
        def training_step(self, batch: Any) -> Tensor:
            return pair.loss(*batch)

    batches = case.batches()
    upper = Level(
        name="upper",
        config=Config(retain_graph=True),
        module=pair.alphas,
        optimizer=torch.optim.Adam(pair.alphas.parameters(), 3e-4, (0.5, 0.999), weight_decay=1e-3),
        train_data_loader=[batch["val"] for batch in batches],
        device=case.device,
    )
    lower = Level(
        name="lower",
        config=Config(type="darts", unroll_steps=1, gradient_clipping=5.0),
        module=pair.weights,
        optimizer=torch.optim.SGD(pair.weights.parameters(), 0.025, 0.9, weight_decay=3e-4),
        train_data_loader=[batch["train"] for batch in batches],
        device=case.device,
    )
    edges = {"u2l": {upper: [lower]}, "l2u": {lower: [upper]}}
    return Engine([upper, lower], EngineConfig(roll_back=True, valid_step=10**9), edges)


def missing(case: Case, checkout: Path | None) -> str | None:
    if find_spec("betty") is None:
        return "the package betty-ml is not installed."
    return None


def hold(case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]) -> None:
    usable = original.missing(case, checkout) is None
    pair = authors_pair(case, checkout) if usable and checkout is not None else own_pair(case)
    engine = engine_of(pair, case)
    engine.train()
    numbers = cycle(range(1, 10**9))

    def step() -> None:
        engine.global_step = next(numbers)
        with pair.running():
            engine.train_step()

    then(step)


PEER = Peer("betty", "betty 0.1.1", (2,), missing, hold)
