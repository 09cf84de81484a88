"""The smallest things that a part can be tried on: closed-form objectives without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.parts.relaxation import Softmax
from nni_darts.state import Objective, SearchState
from nni_darts.supernet.structure import Choice, Structure
from nni_darts.supernet.weights import MixtureWeights


class Bilevel(nn.Module):
    """L_train and L_val as plain functions of one weight and one alpha; the batch names the level."""

    def __init__(self, weight: float, alpha: nn.Parameter, losses: dict[str, Callable[..., Tensor]]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight], dtype=torch.float64))
        self._alpha = [alpha]  # in a list: an outer parameter is none of the module's
        self.losses = losses

    def training_step(self, batch: str, batch_index: int) -> Tensor:
        return self.losses[batch](self.weight, self._alpha[0]).sum()


@contextmanager
def silence() -> Iterator[None]:
    yield


def state_of(
    module: nn.Module, optimizer: torch.optim.Optimizer, relaxation: Softmax, structure: Structure
) -> SearchState:
    """A search state around ``module``, which sees the batches ``"train"`` and ``"val"``."""
    mixture = MixtureWeights()
    mixture.connect(relaxation)

    def apply(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return SearchState(
        relaxation=relaxation,
        structure=structure,
        weights=mixture,
        objective=Objective(module),
        optimizer=lambda: optimizer,
        mute=silence,
        apply=apply,
        train_batch="train",
        valid_batch="val",
    )


def paper_toy(lr: float = 0.1, **sgd: Any) -> SearchState:
    """Figure 2 of the DARTS paper: L_val = a w - 2 a + 1, L_train = w^2 - 2 a w + a^2 at (a, w) = (2, -2)."""
    relaxation = Softmax({"alpha": 1}).double()
    alpha = relaxation.alpha("alpha")
    with torch.no_grad():
        alpha.fill_(2.0)
    losses = {
        "val": lambda w, a: a * w - 2 * a + 1,
        "train": lambda w, a: w**2 - 2 * a * w + a**2,
    }
    module = Bilevel(-2.0, alpha, losses)
    optimizer = torch.optim.SGD(module.parameters(), lr=lr, **sgd)
    return state_of(module, optimizer, relaxation, Structure({"alpha": Choice(("only",))}))
