"""How well the supernet classifies, as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState


@dataclass(frozen=True)
class Measured:
    """Over all samples: the mean cross-entropy, and the share that is classified rightly."""

    loss: float
    accuracy: float


@torch.no_grad()
def measure(state: SearchState, batches: Iterable[tuple[Tensor, Tensor]]) -> Measured:
    """Of the network in the mode it is in, on batches ``(x, class numbers)``; nothing is logged.

    Numbers are read from the device once, at the end.

    Raises
    ------
    ConfigError
        There are no batches.
    """
    model = state.objective.training_module.model
    sums: Tensor | None = None
    count = 0
    for x, y in batches:
        logits = model(x)  # type: ignore[operator]
        loss = functional.cross_entropy(logits.float(), y, reduction="sum")
        found = torch.stack([loss.double(), (logits.argmax(1) == y).sum().double()])
        sums = found if sums is None else sums + found
        count += len(y)
    if sums is None:
        raise ConfigError("the method measures the supernet on validation batches, and the trainer has none.")
    loss_sum, hits = sums.tolist()
    return Measured(loss_sum / count, hits / count)
