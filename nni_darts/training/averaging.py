"""Plain SGD until validation stops getting better, averaged SGD from there (AWD-LSTM, rnn/train.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor


class Averaging:
    """When to average, and the averaged weights in the place of the current ones for an evaluation.

    Parameters
    ----------
    nonmono
        Averaging begins after an evaluation whose loss is larger than the smallest of all but the last
        ``nonmono`` before it, if there are more than that; None never begins.

    Attributes
    ----------
    losses
        Of all evaluations so far.
    active
        Whether the optimiser averages now.
    """

    optimizer: Callable[..., torch.optim.Optimizer] = staticmethod(partial(torch.optim.ASGD, t0=0, lambd=0.0))

    def __init__(self, nonmono: int | None = None) -> None:
        self.nonmono = nonmono
        self.losses: list[float] = []
        self.active = False
        self._current: list[tuple[Tensor, Tensor]] = []

    def observe(self, loss: float) -> bool:
        """Remember an evaluation; whether averaging begins with it."""
        before = self.losses[: -self.nonmono] if self.nonmono else self.losses
        enough = self.nonmono is not None and len(self.losses) > self.nonmono
        begins = not self.active and enough and loss > min(before)
        self.losses.append(loss)
        self.active = self.active or begins
        return begins

    @property
    def is_best(self) -> bool:
        """Whether the last evaluation was better than every one before it."""
        return bool(self.losses) and all(self.losses[-1] < loss for loss in self.losses[:-1])

    @torch.no_grad()
    def enter(self, optimizer: torch.optim.Optimizer | None) -> None:
        """Put the averages in the place of the weights; nothing where there are none yet."""
        if not self.active or optimizer is None:
            return
        for group in optimizer.param_groups:
            for weight in group["params"]:
                average = optimizer.state.get(weight, {}).get("ax")
                if average is not None:
                    self._current.append((weight, weight.clone()))
                    weight.copy_(average)

    @torch.no_grad()
    def leave(self) -> None:
        """Put the weights back."""
        for weight, current in self._current:
            weight.copy_(current)
        self._current.clear()

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"losses": list(self.losses), "active": self.active}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self.losses, self.active = list(state["losses"]), bool(state["active"])
