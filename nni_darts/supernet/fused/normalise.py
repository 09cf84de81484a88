"""BatchNorm of channels that belong to many modules."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Normal(NamedTuple):
    """A normalised tensor, and mean and variance [N]: the unbiased one of the batch, or those given."""

    output: Tensor
    mean: Tensor
    variance: Tensor


def normalise(
    x: Tensor,
    eps: float,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
) -> Normal:
    """``x`` [B, N, ...] by its own statistics, or by those given.

    Raises
    ------
    ValueError
        The statistics of a single value a channel are wanted.
    """
    if mean is not None and variance is not None:
        return Normal(functional.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance)
    # With a momentum of 1 these become the statistics of the batch, the variance unbiased.
    mean, variance = x.new_zeros(2, x.shape[1], dtype=torch.promote_types(x.dtype, torch.float32)).unbind(0)
    output = functional.batch_norm(x, mean, variance, weight, bias, training=True, momentum=1.0, eps=eps)
    return Normal(output, mean, variance)
