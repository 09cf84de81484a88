"""A linear map with the BatchNorm after it, and the gradients of that, for K maps at once.

The formulas of ``normalise.py``, differentiated by hand: a dozen small operations instead of a graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Folded:
    """y = BatchNorm(P z) as y = maps z + shifts.

    Attributes
    ----------
    pointwise
        P [K, D, C].
    mean, covariance
        Of z, [K, C] and [K, C, C]; None when evaluating.
    centre, variance
        Of P z [K, D], of the batch or running.
    weight
        The BatchNorm's, or None.
    """

    pointwise: Tensor
    mean: Tensor | None
    covariance: Tensor | None
    centre: Tensor
    variance: Tensor
    inverse: Tensor
    weight: Tensor | None
    maps: Tensor
    shifts: Tensor


def fold_batch(
    pointwise: Tensor, sums: Tensor, count: int, eps: float, weight: Tensor | None, bias: Tensor | None
) -> Folded:
    """With the statistics of the batch, from the sums of z and z z^T over ``count`` pixels [K, C + C * C]."""
    members, _, channels = pointwise.shape
    moments = sums / count
    mean = moments[:, :channels]
    product = moments[:, channels:].unflatten(1, (channels, channels))
    covariance = torch.baddbmm(product, mean.unsqueeze(2), mean.unsqueeze(1), alpha=-1)
    centre = torch.bmm(pointwise, mean.unsqueeze(2)).view(members, -1)
    # Rounding may leave a variance of zero slightly below it.
    variance = (torch.bmm(pointwise, covariance) * pointwise).sum(2).clamp_min_(0)
    return _folded(pointwise, mean, covariance, centre, variance, eps, weight, bias)


def fold_running(
    pointwise: Tensor,
    centre: Tensor,
    variance: Tensor,
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
) -> Folded:
    """With running statistics [K, D]."""
    return _folded(pointwise, None, None, centre, variance, eps, weight, bias)


def _folded(
    pointwise: Tensor,
    mean: Tensor | None,
    covariance: Tensor | None,
    centre: Tensor,
    variance: Tensor,
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
) -> Folded:
    inverse = (variance + eps).rsqrt_()
    scale = inverse if weight is None else inverse * weight
    shifts = -centre * scale if bias is None else torch.addcmul(bias, centre, scale, value=-1)
    maps = pointwise * scale.unsqueeze(2)
    return Folded(pointwise, mean, covariance, centre, variance, inverse, weight, maps, shifts)


@dataclass(frozen=True)
class FoldedGradients:
    """Gradients of P, of the BatchNorm's weight and bias, and of the mean of z and the mean of z z^T."""

    pointwise: Tensor
    weight: Tensor | None
    bias: Tensor
    mean: Tensor | None
    product: Tensor | None


def unfold(folded: Folded, of_maps: Tensor, of_shifts: Tensor) -> FoldedGradients:
    """From the gradients of the maps [K, D, C] and shifts [K, D]."""
    pointwise, inverse = folded.pointwise, folded.inverse
    scale = inverse if folded.weight is None else inverse * folded.weight
    of_scale = (of_maps * pointwise).sum(2) - of_shifts * folded.centre
    of_pointwise = of_maps * scale.unsqueeze(2)
    of_weight = None if folded.weight is None else of_scale * inverse
    if folded.mean is None or folded.covariance is None:
        return FoldedGradients(of_pointwise, of_weight, of_shifts, None, None)
    of_inverse = of_scale if folded.weight is None else of_scale * folded.weight
    of_variance = of_inverse * inverse**3 * -0.5
    of_centre = -of_shifts * scale
    spread = pointwise * of_variance.unsqueeze(2)
    product = torch.bmm(spread.transpose(1, 2), pointwise)  # symmetric, of the covariance
    of_mean = torch.bmm(pointwise.transpose(1, 2), of_centre.unsqueeze(2))
    of_mean = torch.baddbmm(of_mean, product, folded.mean.unsqueeze(2), alpha=-2).squeeze(2)
    of_pointwise = torch.baddbmm(of_pointwise, spread, folded.covariance, alpha=2)
    of_pointwise = of_pointwise + of_centre.unsqueeze(2) * folded.mean.unsqueeze(1)
    return FoldedGradients(of_pointwise, of_weight, of_shifts, of_mean, product)
