"""What an operation may say of itself, so that the fused supernet can compute it together with others.

An operation declares its form by a method ``form()``, defined in the class that defines its ``forward``
(a subclass with a ``forward`` of its own would otherwise inherit a wrong form). The modules in a form are
the operation's own submodules: their weights and running statistics are read, and the latter written,
where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Nothing:
    """No connection: zeros."""


@dataclass(frozen=True)
class Unchanged:
    """The input itself."""


@dataclass(frozen=True)
class Pooled:
    """A pool and, if there is one, the BatchNorm on it."""

    pool: nn.Module
    norm: nn.Module | None


@dataclass(frozen=True)
class Stage:
    """ReLU, depthwise convolution, pointwise convolution, BatchNorm."""

    depthwise: nn.Module
    pointwise: nn.Module
    norm: nn.Module


@dataclass(frozen=True)
class Separable:
    """Stages one after the other; only the first may stride."""

    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Halved:
    """ReLU, two 1x1 stride-2 convolutions on the even and on the odd pixels, concatenated, BatchNorm."""

    even: nn.Module
    odd: nn.Module
    norm: nn.Module


@dataclass(frozen=True)
class Activated:
    """Highway of a recurrent cell: state + gate (f(candidate) - state) with the activation f of this name."""

    name: str


Form = Nothing | Unchanged | Pooled | Separable | Halved | Activated
