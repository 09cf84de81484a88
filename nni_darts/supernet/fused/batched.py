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
from nni_darts.supernet.fused.normalise import batch_statistics, mapped, moments, normalised
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
    chained = wiring.chained
    z = _convolved(first, stages[0].filters, inputs)
    size = z.shape[3:]
    maps, shifts, *statistics = _folded(wiring, 0, stages[0], z)
    ends, found = [(maps[chained:], shifts[chained:], z[:, chained:])], [statistics]
    for geometry, stage in zip(others, stages[1:], strict=True):
        rows = mapped(maps[:chained], shifts[:chained], z[:, :chained].flatten(3))
        inner = rows.relu().unflatten(3, size).unbind(1)
        z = _convolved(geometry, stage.filters, inner)
        own_maps, own_shifts, *statistics = _folded(wiring, 1, stage, z)
        ends.insert(0, (own_maps, own_shifts, z))
        found.append(statistics)
    weights = coefficients * _belongs(wiring.targets, wiring.outs, coefficients.device, coefficients.dtype)
    total: Tensor | float = 0.0
    begin = 0
    for own_maps, own_shifts, z in ends:
        count = len(own_maps)
        if count == 0:
            continue
        own = weights[:, begin : begin + count]
        # One product for all targets [T, D, K, C], zeros where a member belongs to another.
        matrix = (own.view(*own.shape, 1, 1) * own_maps).transpose(1, 2).flatten(2).flatten(0, 1)
        shift = (own.unsqueeze(2) * own_shifts).sum(1).flatten()
        total = total + mapped(matrix, shift, z.flatten(1, 2).flatten(2))
        begin += count
    assert isinstance(total, Tensor)
    outputs = total.unflatten(1, (wiring.outs, -1)).unflatten(3, size).unbind(1)
    return Found(outputs, [(centre, variance) for centre, variance in found if wiring.training])


def _convolved(geometry: Geometry, filters: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """[B, K, C, H', W']: neighbours with one kernel and dilation by one call."""
    found, read = [], {}
    numbered = enumerate(geometry.filters)
    for (kernel, stride, dilation), group in groupby(numbered, lambda item: item[1].window):
        members = [number for number, _ in group]
        sources = tuple(geometry.filters[number].source for number in members)
        if sources not in read:
            read[sources] = torch.cat([inputs[source] for source in sources], 1)
        count = len(members) * geometry.channels
        begin, end = geometry.begins[members[0]], geometry.begins[members[-1] + 1]
        weight = filters[begin:end].view(count, 1, kernel, kernel)
        padding = dilation * (kernel - 1) // 2
        found.append(functional.conv2d(read[sources], weight, None, stride, padding, dilation, groups=count))
    together = found[0] if len(found) == 1 else torch.cat(found, 1)
    return together.unflatten(1, (len(geometry.filters), geometry.channels))


def _folded(
    wiring: Wiring, number: int, stage: ChainStage, z: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Maps [K, D, C], shifts, and the mean and variance that normalised."""
    with torch.autocast(z.device.type, enabled=False):  # statistics need all the digits
        centre, variance = stage.mean, stage.variance
        if wiring.training:
            centre, variance = batch_statistics(stage.pointwise, *moments(z.flatten(3)))
        norm = (centre, variance, wiring.eps[number], stage.weight, stage.bias)
        return *normalised(stage.pointwise, *norm), centre, variance


@cache
def _belongs(targets: tuple[int, ...], outs: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[T, K]: one where a member belongs. Made once: a captured step must not copy from the host."""
    index = torch.tensor(targets, device=device)
    return functional.one_hot(index, outs).t().to(dtype)
