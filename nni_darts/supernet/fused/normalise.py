"""A linear map and the BatchNorm after it as one linear map.

With y = P z per pixel, mean(y) = P mean(z) and var(y) = diag(P cov(z) P^T): the map that normalises y is
known before y is computed, so that y itself is never stored and mixture weights fold into the map.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def moments(z: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [K, C] and biased covariance [K, C, C] over images and pixels of ``z`` [B, K, C, P]."""
    mean, product = _Moments.apply(z.float() if z.dtype.itemsize < 4 else z)
    return mean, product - mean.unsqueeze(2) * mean.unsqueeze(1)


class _Moments(torch.autograd.Function):
    """Means of z and of z z^T; autograd would multiply twice for the gradient of this symmetric product."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(z)
        count = len(z) * z.shape[3]
        return z.mean((0, 3)), torch.matmul(z, z.transpose(2, 3)).sum(0) / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        of_mean, of_product = gradients
        (z,) = ctx.saved_tensors
        count = len(z) * z.shape[3]
        both = (of_product + of_product.transpose(1, 2)) / count
        return torch.matmul(both, z) + (of_mean / count).unsqueeze(2)


def batch_statistics(filters: Tensor, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance [K, D] of ``filters`` [K, D, C] on inputs of these moments."""
    # Rounding may leave a variance of zero slightly below it.
    variance = ((filters @ covariance) * filters).sum(2).clamp_min(0.0)
    return (filters @ mean.unsqueeze(2)).squeeze(2), variance


def normalised(
    filters: Tensor, mean: Tensor, variance: Tensor, eps: float, weight: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """``filters`` [K, D, C] followed by a BatchNorm of these statistics [K, D]: filters and biases."""
    scale = (variance + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    return filters * scale.unsqueeze(2), shift


def mapped(filters: Tensor, shifts: Tensor, pixels: Tensor) -> Tensor:
    """``filters`` [..., D, C] times ``pixels`` [..., C, P] plus ``shifts`` [..., D], in its type."""
    product = torch.matmul(filters, pixels)
    return product + shifts.unsqueeze(-1).to(product.dtype)
