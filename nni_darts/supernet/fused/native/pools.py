"""A state, its pools and their BatchNorms mixed into several targets as one differentiable function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.supernet.fused.geometry import Geometry
from nni_darts.supernet.fused.native.function import filled, gradients_through, of_totals
from nni_darts.supernet.fused.native.kernels import INTEGERS, kernels_of
from nni_darts.supernet.fused.normalise import normalise

SAME, MAXIMUM, AVERAGE = range(3)
"""Kinds of features, as the kernels number them."""


@dataclass(frozen=True)
class Features:
    """F features of one state.

    Attributes
    ----------
    kinds
        SAME (only at stride 1), MAXIMUM or AVERAGE, the latter over 3x3 pixels, padding not counted.
    eps
        Of the BatchNorm on each, None where there is none.
    """

    kinds: tuple[int, ...]
    eps: tuple[float | None, ...]
    stride: int


class Mixed(NamedTuple):
    """Targets [B, H', W', C]; mean and variance [F, C] of the features that are normalised.

    ``correction`` times the variance is unbiased.
    """

    outputs: tuple[Tensor, ...]
    mean: Tensor
    variance: Tensor
    correction: float


def mix_pools(features: Features, weights: Tensor, x: Tensor, totals: Sequence[Tensor | None]) -> Mixed:
    """``weights`` [T, F] times the features of ``x`` [B, H, W, C], normalised by the batch.

    What a target has so far, its total, is added to in place, and is the output.
    """
    *outputs, mean, variance = _Pools.apply(
        features, weights.to(x.dtype).contiguous(), x.contiguous(), *totals
    )
    normalised = any(eps is not None for eps in features.eps)
    return Mixed(tuple(outputs), mean, variance, _geometry(features, x).correction if normalised else 1.0)


class _Pools(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Features, weights: Tensor, x: Tensor, *totals: Any) -> tuple[Tensor, ...]:
        kernels, geometry = kernels_of(x.dtype, x.shape[3]), _geometry(features, x)
        shape = geometry.call[0]
        kinds, channels = len(features.kinds), geometry.channels
        mean, variance, inverse = x.new_empty(3, kinds, channels).unbind(0)
        found, places = [], []
        for f, (kind, eps) in enumerate(zip(features.kinds, features.eps, strict=True)):
            feature = x if kind == SAME else x.new_empty(geometry.out_shape[1:])
            place = x.new_empty(feature.shape, dtype=INTEGERS[x.dtype]) if kind == MAXIMUM else None
            room = x.new_empty(geometry.groups, 2, channels)
            own = (mean[f], None if eps is None else variance[f], inverse[f])
            kernels("pool_forward", shape, kind, features.stride, x, feature, place, room, eps or 0.0, *own)
            found.append(feature)
            places.append(place)
        outputs = [torch.empty_like(found[0]) if total is None else total for total in totals]
        add = [int(total is not None) for total in totals]
        kernels("pool_mix", shape, len(weights), kinds, weights, found, mean, inverse, add, outputs)
        ctx.features = features
        ctx.mark_dirty(*(total for total in totals if total is not None))
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(mean, variance)
        pooled = [None if kind == SAME else f for kind, f in zip(features.kinds, found, strict=True)]
        ctx.save_for_backward(weights, x, mean, inverse, *pooled, *places)
        return (*outputs, mean, variance)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        features: Features = ctx.features
        weights, x, mean, inverse, *rest = ctx.saved_tensors
        outs, kinds = weights.shape
        kernels, geometry = kernels_of(x.dtype, x.shape[3]), _geometry(features, x)
        passed_on = of_totals(gradients[:outs], ctx.needs_input_grad[3:])
        of_outputs = filled(gradients[:outs], x, geometry.out_shape[1:])
        if torch.is_grad_enabled():  # the gradient will be differentiated itself
            outputs = plain_pools(features, weights, x)
            own = gradients_through(outputs, (weights, x), ctx.needs_input_grad[1:3], of_outputs)
            return None, *own, *passed_on
        found, places = [x if f is None else f for f in rest[:kinds]], rest[kinds:]
        shape, channels = geometry.call[0], geometry.channels
        sums = x.new_empty(geometry.groups, outs, 1 + kinds, channels)
        kernels("pool_outer", shape, outs, kinds, of_outputs, found, sums)
        of_weights, factors = torch.empty_like(weights), x.new_empty(outs, kinds, channels)
        shift, scatter = x.new_empty(2, kinds, channels).unbind(0)
        normal = [int(eps is not None) for eps in features.eps]
        kernels(
            *("pool_unmix", channels, outs, kinds, geometry.count, normal, weights, sums, mean, inverse),
            *(of_weights, factors, shift, scatter),
        )
        of_x = None
        if ctx.needs_input_grad[2]:
            of_x = torch.empty_like(x)
            kernels(
                *("pool_backward", shape, features.stride, outs, kinds, features.kinds, of_outputs, found),
                *(places, factors, shift, scatter, of_x),
            )
        return None, of_weights, of_x, *passed_on


def plain_pools(features: Features, weights: Tensor, x: Tensor) -> list[Tensor]:
    """The outputs of ``mix_pools`` by PyTorch's operators."""
    image = x.permute(0, 3, 1, 2)
    found = []
    for kind, eps in zip(features.kinds, features.eps, strict=True):
        value = image
        if kind == MAXIMUM:
            value = functional.max_pool2d(image, 3, features.stride, 1)
        elif kind == AVERAGE:
            value = functional.avg_pool2d(image, 3, features.stride, 1, count_include_pad=False)
        if eps is not None:
            value = normalise(value, eps).output
        found.append(value.permute(0, 2, 3, 1))
    return [sum(w * f for w, f in zip(row, found, strict=True)) for row in weights]


def _geometry(features: Features, x: Tensor) -> Geometry:
    return Geometry.pooling(len(x), tuple(x.shape[1:3]), x.shape[3], features.stride)
