"""A level's chains by PyTorch's operators, all members together: for GPUs, and for second derivatives.

The kernels for CPUs compute the same; see ``native/chains.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.supernet.fused.geometry import Geometry
from nni_darts.supernet.fused.normalise import Normal, normalise
from nni_darts.supernet.fused.wiring import ChainStage, Found, Wiring


def batched_chains(
    wiring: Wiring, coefficients: Tensor, stages: Sequence[ChainStage], inputs: Sequence[Tensor]
) -> Found:
    """For each target the sum over its members of ``coefficients`` [K] times their last BatchNorm.

    Parameters
    ----------
    inputs
        S rectified images [B, C, H, W].

    Returns
    -------
    Outputs [B, C, H', W'], and statistics.
    """
    first, *others = wiring.geometries
    z = _convolved(first, stages[0].filters, inputs)
    normals = [_normalised(wiring, 0, stages[0], z)]
    y = normals[0].output.view_as(z)
    if others:
        # Splits, not slices: the gradient of a slice is a whole tensor of zeros around it.
        inner, rest = y.split((wiring.chained, y.shape[1] - wiring.chained), 1)
        z = _convolved(others[0], stages[1].filters, inner.relu().unbind(1))
        normals.append(_normalised(wiring, 1, stages[1], z))
        y = torch.cat([normals[1].output.view_as(z), rest], 1)
    weights = coefficients * _belongs(wiring.targets, wiring.outs, coefficients.device, coefficients.dtype)
    outputs = torch.matmul(weights, y.flatten(2)).unflatten(2, y.shape[2:]).unbind(1)
    rows = (-1, first.channels)
    statistics = [(normal.mean.view(rows), normal.variance.view(rows)) for normal in normals]
    return Found(outputs, statistics if wiring.training else [], correction=1.0)


def _convolved(geometry: Geometry, filters: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """[B, K, C, H', W']: neighbours with one kernel and dilation by one call."""
    groups = [list(group) for _, group in groupby(geometry.filters, lambda filter: filter.window)]
    sizes = [len(group) * geometry.channels * group[0].kernel ** 2 for group in groups]
    read: dict[tuple[int, ...], Tensor] = {}
    found = []
    for group, weight in zip(groups, filters.split(sizes), strict=True):
        kernel, stride, dilation = group[0].window
        sources = tuple(filter.source for filter in group)
        if sources not in read:
            read[sources] = _repeated(inputs, sources)
        count = len(group) * geometry.channels
        weight = weight.view(count, 1, kernel, kernel)
        padding = group[0].padding
        found.append(functional.conv2d(read[sources], weight, None, stride, padding, dilation, groups=count))
    together = found[0] if len(found) == 1 else torch.cat(found, 1)
    return together.unflatten(1, (len(geometry.filters), geometry.channels))


def _repeated(inputs: Sequence[Tensor], sources: Sequence[int]) -> Tensor:
    """Inputs side by side, equal neighbours by expansion: its gradient is one sum."""
    runs = [(source, len(list(run))) for source, run in groupby(sources)]
    parts = [inputs[source].unsqueeze(1).expand(-1, count, -1, -1, -1) for source, count in runs]
    return torch.cat(parts, 1).flatten(1, 2)


def _normalised(wiring: Wiring, number: int, stage: ChainStage, z: Tensor) -> Normal:
    """Pointwise convolution and BatchNorm of [B, K, C, H, W]; the output is [B, K * C, H, W]."""
    y = torch.matmul(stage.pointwise, z.flatten(3))
    norm = [None if tensor is None else tensor.flatten() for tensor in stage[2:]]
    return normalise(y.unflatten(3, z.shape[3:]).flatten(1, 2), wiring.eps[number], *norm)


@cache
def _belongs(targets: tuple[int, ...], outs: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[T, K]: one where a member belongs. Made once: a captured step must not copy from the host."""
    index = torch.tensor(targets, device=device)
    return functional.one_hot(index, outs).t().to(dtype)
