"""A linear map with the BatchNorm after it as one linear map, for K maps at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from nni_darts.supernet.fused.native.kernels import Kernels
from nni_darts.supernet.fused.wiring import ChainStage


@dataclass(frozen=True)
class Folded:
    """BatchNorm(P z) = maps z + shifts.

    Attributes
    ----------
    mean, covariance
        Of z, [K, C] and [K, C, C]; None when evaluating.
    centre, variance, inverse
        Of P z: mean, biased variance and 1 / sqrt(variance + eps), [K, C], of the batch or running.
    maps, turned
        [K, out, in] and [K, in, out].
    """

    stage: ChainStage
    mean: Tensor | None
    covariance: Tensor | None
    centre: Tensor
    variance: Tensor
    inverse: Tensor
    maps: Tensor
    turned: Tensor
    shifts: Tensor


def fold(kernels: Kernels, stage: ChainStage, sums: Tensor | None, count: int, eps: float) -> Folded:
    """With the statistics of the batch, from the sums of z and z z^T over ``count`` pixels, or the running.

    Parameters
    ----------
    sums
        [groups, K, C + C * C], of which the first group's are read; None to evaluate.
    """
    pointwise = stage.pointwise
    members, channels, _ = pointwise.shape
    mean = covariance = None
    if sums is None:
        centre, variance = stage.mean, stage.variance
    else:
        mean, centre, variance = pointwise.new_empty(3, members, channels).unbind(0)
        covariance = pointwise.new_empty(pointwise.shape)
        kernels("fold_moments", members, channels, count, pointwise, sums, mean, covariance, centre, variance)
    inverse, shifts = pointwise.new_empty(2, members, channels).unbind(0)
    maps, turned = pointwise.new_empty(2, *pointwise.shape).unbind(0)
    statistics = (centre, variance, stage.weight, stage.bias)
    kernels("fold_maps", members, channels, eps, pointwise, *statistics, inverse, maps, turned, shifts)
    return Folded(stage, mean, covariance, centre, variance, inverse, maps, turned, shifts)


@dataclass(frozen=True)
class FoldedGradients:
    """Of P, of the BatchNorm's weight and bias, and of z through the statistics.

    The last is shift + scatter z at every pixel, [K, C] and [K, C, C].
    """

    pointwise: Tensor
    weight: Tensor | None
    bias: Tensor | None
    shift: Tensor
    scatter: Tensor


def unfold(
    kernels: Kernels,
    folded: Folded,
    sums: Sequence[Tensor],
    factors: Tensor,
    plain: int,
    of_factors: Tensor,
    count: int,
) -> FoldedGradients:
    """From the gradients of ``factors[k]`` times shifts and maps, one row [C + C * C] a member.

    The first ``plain`` factors are 1, whatever they hold; of the others the gradient is written.
    """
    pointwise, weight = folded.stage.pointwise, folded.stage.weight
    members, channels, _ = pointwise.shape
    room = None if weight is None else pointwise.new_empty(2, members, channels).unbind(0)
    of_weight, of_bias = room or (None, None)
    found = FoldedGradients(
        pointwise=pointwise.new_empty(pointwise.shape),
        weight=of_weight,
        bias=of_bias,
        shift=pointwise.new_empty(members, channels),
        scatter=pointwise.new_empty(pointwise.shape),
    )
    read = (folded.mean, folded.covariance, folded.centre, folded.inverse, weight, folded.maps, folded.shifts)
    written = (of_factors, found.pointwise, of_weight, of_bias, found.shift, found.scatter)
    kernels("fold_backward", members, channels, count, sums, factors, plain, pointwise, *read, *written)
    return found
