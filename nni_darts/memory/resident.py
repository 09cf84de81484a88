"""What stays in memory between the steps of a search."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from nni_darts.state import SearchState


def resident_bytes(state: SearchState) -> int:
    """Weights and architecture parameters, their optimisers' states, gradients of the weights, buffers."""
    weights = list(state.objective.parameters())
    outer = state.outer_parameters
    return (
        _bytes(weights)
        + _bytes(state.objective.buffers())
        + _bytes(outer)
        + _bytes(weight for weight in weights if weight.requires_grad)
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
    options = {name: value for name, value in optimizer.param_groups[0].items() if name in optimizer.defaults}
    trial = type(optimizer)([weight], **options)
    weight.grad = torch.zeros_like(weight)
    trial.step()
    states = trial.state[weight].values()
    return sum(isinstance(value, Tensor) and value.shape == weight.shape for value in states)
