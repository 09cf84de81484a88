"""What optimisers read in a recorded step, in tensors."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

SUPPORTED = (SGD, Adam, AdamW)
"""Optimisers with a fused step, which alone takes the learning rate from the device without asking for it.

In torch 2.12 the foreach step of SGD calls ``item()`` on a rate that is a tensor, the loop over parameters
does so too, and SGD has no ``capturable``.
"""


def unsupported(optimizers: Sequence[Optimizer]) -> list[str]:
    """Why the step of an optimiser cannot be recorded, as phrases; empty if all can."""
    found = []
    for optimizer in optimizers:
        name = type(optimizer).__name__
        if type(optimizer) not in SUPPORTED:
            found.append(f"the optimiser {name} is none of {', '.join(kind.__name__ for kind in SUPPORTED)}")
        elif any(group.get("differentiable") for group in optimizer.param_groups):
            found.append(f"the optimiser {name} is differentiable")
        elif type(optimizer) is SGD and any(group["dampening"] for group in optimizer.param_groups):
            found.append(f"the optimiser {name} has dampening, whose first step differs from the others")
    return found


class DeviceRates:
    """The learning rates of optimisers as tensors, put in place of their numbers for a step at a time.

    Outside of a step schedules, callbacks and checkpoints see the numbers that they always see, in double
    precision, and no trace of the flags that recording needs.

    Parameters
    ----------
    optimizers
        All that act in a step.
    fused
        Whether steps take the fused form, without which they cannot be recorded.
    """

    def __init__(self, optimizers: Sequence[Optimizer], fused: bool) -> None:
        self.optimizers = list(optimizers)
        self.fused = fused
        self._rates = [_rate(group) for group in self._groups]
        self._values: list[float | None] = [None] * len(self._rates)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    _begin(optimizer, group, parameter, self.fused)

    @property
    def _groups(self) -> list[dict[str, Any]]:
        # Looked up every time: loading a state puts other dictionaries into their place.
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def refresh(self) -> None:
        """Write the rates of now into the tensors; where they did not change this costs nothing."""
        for index, (group, tensor) in enumerate(zip(self._groups, self._rates, strict=True)):
            rate = group["lr"]
            if isinstance(rate, Tensor):
                tensor.copy_(rate, non_blocking=True)
            elif rate != self._values[index]:
                tensor.fill_(rate)
                self._values[index] = rate

    def key(self) -> Hashable:
        """Every other number of the optimisers; a recording holds for these alone."""
        return tuple(
            tuple((name, _plain(value)) for name, value in group.items() if name not in ("params", "lr"))
            for group in self._groups
        )

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Optimisers step with the tensors inside."""
        groups = self._groups
        before = [dict(group) for group in groups]
        for group, tensor in zip(groups, self._rates, strict=True):
            if self.fused:
                group.update(lr=tensor, fused=True, foreach=False)
                if "capturable" in group:
                    group["capturable"] = True
            elif "capturable" not in group:  # Adam's foreach step takes a tensor only if capturable
                group["lr"] = tensor
        try:
            yield
        finally:
            for group, values in zip(groups, before, strict=True):
                group.update(values)

    def drop_gradients(self) -> None:
        """No parameter keeps a gradient: what is recorded next makes its own."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)


def _rate(group: dict[str, Any]) -> Tensor:
    device = group["params"][0].device
    # The fused kernels of CUDA read a float; elsewhere nothing need be lost.
    return torch.zeros((), device=device, dtype=torch.float32 if device.type == "cuda" else torch.float64)


def _begin(optimizer: Optimizer, group: dict[str, Any], parameter: Tensor, fused: bool) -> None:
    """The state that a first step would make, where a recording can refer to it."""
    if isinstance(optimizer, SGD):
        # Without dampening a buffer of zeros gives the first step what no buffer gives.
        state = optimizer.state[parameter] if group["momentum"] else {}
        if group["momentum"] and parameter.requires_grad and state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter)
    elif fused and "step" in (state := optimizer.state.get(parameter, {})):
        # A checkpoint leaves the count of Adam's steps on the CPU.
        state["step"] = state["step"].to(device=parameter.device, dtype=torch.float32)


def _plain(value: Any) -> Hashable:
    if isinstance(value, Tensor):
        return id(value)
    return tuple(value) if isinstance(value, list) else value
