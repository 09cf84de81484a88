"""How well the supernet says what it should, as it is now: classes of images, next words of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.errors import ConfigError
from nni_darts.state import SearchState


@dataclass(frozen=True)
class Measured:
    """Over all samples, images or words: the mean cross-entropy, and the share that is classified rightly.

    ``by_loss``: whether the loss is what counts, as on texts.
    """

    loss: float
    accuracy: float
    by_loss: bool = False

    @property
    def harm(self) -> float:
        """What the field compares by, less being better: the share of errors, or on texts the loss."""
        return self.loss if self.by_loss else 1 - self.accuracy


@torch.no_grad()
def measure(state: SearchState, batches: Iterable[Any]) -> Measured:
    """Of the network in the mode it is in, on validation batches; nothing is logged.

    A module with a method ``answers(batches)`` says what the network makes of its batches: logits
    [N, classes] and right answers [N], batch by batch. Without it they are ``(x, class numbers)``. Numbers
    are read from the device once, at the end.

    Raises
    ------
    ConfigError
        There are no batches.
    """
    module: Any = state.objective.training_module
    sums: Tensor | None = None
    count = 0
    for logits, y in module.answers(batches) if hasattr(module, "answers") else _classes(module, batches):
        loss = functional.cross_entropy(logits.float(), y, reduction="sum")
        found = torch.stack([loss.double(), (logits.argmax(1) == y).sum().double()])
        sums = found if sums is None else sums + found
        count += len(y)
    if sums is None:
        raise ConfigError("the method measures the supernet on validation batches, and the trainer has none.")
    loss_sum, hits = sums.tolist()
    return Measured(loss_sum / count, hits / count, getattr(module, "by_loss", False))


def _classes(module: Any, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    for x, y in batches:
        yield module.model(x), y
