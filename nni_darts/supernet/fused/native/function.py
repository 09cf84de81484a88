"""What the differentiable functions of kernels share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def filled(gradients: Sequence[Tensor | None], like: Tensor, shape: Sequence[int]) -> list[Tensor]:
    """Zeros of this shape for outputs that nothing depends on; the rest contiguous."""
    return [like.new_zeros(shape) if g is None else g.contiguous() for g in gradients]


def of_totals(gradients: Sequence[Tensor | None], had: Sequence[bool]) -> list[Tensor | None]:
    """Outputs that were added to in place pass their gradient on; those that began here have nowhere to."""
    return [gradient if total else None for gradient, total in zip(gradients, had, strict=True)]


def gradients_through(
    outputs: Sequence[Tensor], given: Sequence[Any], wanted: Sequence[bool], of_outputs: Sequence[Tensor]
) -> list[Tensor | None]:
    """Of the arguments that want one, through PyTorch's own operators, which can be differentiated again."""
    chosen = [tensor for tensor, wants in zip(given, wanted, strict=True) if wants and tensor is not None]
    found = iter(torch.autograd.grad(outputs, chosen, of_outputs, create_graph=True, allow_unused=True))
    return [next(found) if wants else None for wants in wanted]
