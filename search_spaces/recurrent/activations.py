"""What an edge of a recurrent cell may do with the state it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.genotype.checks import unknown_operations
from nni_darts.genotype.names import ACTIVATIONS
from nni_darts.supernet.fused.forms import Activated, Nothing


def identity(x: Tensor) -> Tensor:
    """``x``."""
    return x


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": identity,
}
"""The activations by name."""


class Incoming(NamedTuple):
    """What arrives at an edge, three tensors of one shape: the state, and gate and candidate made of it."""

    state: Tensor
    gate: Tensor
    candidate: Tensor


class Highway(nn.Module):
    """state + gate (f(candidate) - state): the gate says how much of the state is replaced."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.function = FUNCTIONS[name]

    def forward(self, incoming: Incoming) -> Tensor:
        state, gate, candidate = incoming
        return state + gate * (self.function(candidate) - state)

    def form(self) -> Activated:
        """For the fused supernet."""
        return Activated(self.name)


class NoEdge(nn.Module):
    """Zeros: the candidate ``none`` keeps its share of the mixture and brings nothing, not even the state."""

    def forward(self, incoming: Incoming) -> Tensor:
        return torch.zeros_like(incoming.state)

    def form(self) -> Nothing:
        """For the fused supernet."""
        return Nothing()


def build(name: str) -> nn.Module:
    """One candidate of an edge.

    Raises
    ------
    ConfigError
        Unknown, with the nearest known name.
    """
    if name in FUNCTIONS:
        return Highway(name)
    if name == "none":
        return NoEdge()
    raise ConfigError(*unknown_operations([name], ACTIVATIONS))
