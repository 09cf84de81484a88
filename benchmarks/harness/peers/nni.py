"""NNI's own DARTS on the DARTS space of its hub: first order only.

Its space differs from the paper's: BatchNorms are affine, pools have none, and "none" is a slab of zeros
stacked beside the seven other candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nni.nas.strategy
import torch
from nni.nas.hub.pytorch import DARTS

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step, hold_strategy
from benchmarks.harness.peers.peer import Peer
from search_spaces.operations import PRIMITIVES

NODES = 4


def missing(case: Case, checkout: Path | None) -> str | None:
    if case.nodes != NODES or case.primitives != PRIMITIVES:
        return f"the hub's space has {NODES} nodes and all eight operations."
    return None


def hold(case: Case, order: int, checkout: Path | None, then: Callable[[Step], None]) -> None:
    torch.manual_seed(case.seed)
    space = DARTS(width=case.channels, num_cells=case.layers, dataset="cifar")
    hold_strategy(nni.nas.strategy.DARTS(gradient_clip_val=5.0), space, case, then)


PEER = Peer("nni", "NNI 3.0's DARTS", (1,), missing, hold)
