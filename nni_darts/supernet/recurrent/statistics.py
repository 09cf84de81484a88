"""Running statistics of a BatchNorm that saw many batches one after the other, updated at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move running statistics as K forwards in training mode would have, in their order.

    With the momentum m, r <- (1 - m)^K r + sum over k of m (1 - m)^(K - 1 - k) x_k.

    Parameters
    ----------
    mean, variance
        Of every batch, [K, n], the variance biased.
    count
        Rows of a batch.
    """
    assert norm.momentum is not None and norm.running_mean is not None and norm.running_var is not None
    kept = 1 - norm.momentum
    ages = torch.arange(len(mean) - 1, -1, -1, dtype=mean.dtype, device=mean.device)
    shares = norm.momentum * kept**ages
    unbiased = variance * (count / (count - 1))
    for running, seen in ((norm.running_mean, mean), (norm.running_var, unbiased)):
        running.mul_(kept ** len(mean)).add_(shares @ seen)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(len(mean))
