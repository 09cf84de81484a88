"""What stays in memory between the steps of a search."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import torch
from torch import Tensor

from nni_darts.state import SearchState


def resident_bytes(state: SearchState) -> int:
    """Weights and architecture parameters, the weights' optimiser's states, buffers."""
    return (
        _bytes(state.objective.parameters())
        + _bytes(state.objective.buffers())
        + _bytes(state.outer_parameters)
        + _states(state.optimizer())
    )


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _states(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of an optimiser's states after its first step, which may still lie ahead."""
    trained = [w for group in optimizer.param_groups for w in group["params"] if w.requires_grad]
    return int(_copies(optimizer) * _bytes(trained))


def _copies(optimizer: torch.optim.Optimizer) -> int:
    """How many tensors of a weight's size it keeps for each: found out on a weight that nobody needs."""
    weight = torch.zeros(2, requires_grad=True)
    known = inspect.signature(type(optimizer)).parameters
    trial = type(optimizer)([weight], **{name: v for name, v in optimizer.defaults.items() if name in known})
    weight.grad = torch.zeros_like(weight)
    trial.step()
    states = trial.state[weight].values()
    return sum(isinstance(value, Tensor) and value.shape == weight.shape for value in states)
