"""The same chains by PyTorch's operators, member by member: what the kernels are a faster way to compute."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from nni_darts.supernet.fused.native.geometry import Filter
from nni_darts.supernet.fused.native.wiring import ChainStage, Wiring


def plain_chains(
    wiring: Wiring, coefficients: Tensor, stages: Sequence[ChainStage], inputs: Sequence[Tensor]
) -> list[Tensor]:
    """The outputs [B, H', W', C] of ``chains``."""
    totals: list[Tensor | None] = [None] * wiring.outs
    first, *second = zip(wiring.geometries, stages, strict=True)
    for member, (target, coefficient) in enumerate(zip(wiring.targets, coefficients.unbind(0), strict=True)):
        x = inputs[first[0].filters[member].source].permute(0, 3, 1, 2)
        for geometry, stage in (first, *second) if member < wiring.chained else (first,):
            begin, end = geometry.begins[member : member + 2]
            x = _stage(x, member, geometry.filters[member], stage.filters[begin:end], stage, wiring)
        value, total = coefficient * x.permute(0, 2, 3, 1), totals[target]
        totals[target] = value if total is None else total + value
    return [total for total in totals if total is not None]


def _stage(
    x: Tensor, member: int, geometry: Filter, filter: Tensor, stage: ChainStage, wiring: Wiring
) -> Tensor:
    channels = x.shape[1]
    filter = filter.view(channels, 1, geometry.kernel, geometry.kernel)
    z = functional.conv2d(
        x.relu(), filter, None, geometry.stride, geometry.padding, geometry.dilation, groups=channels
    )
    y = functional.conv2d(z, stage.pointwise[member].view(channels, channels, 1, 1))
    own = [None if tensor is None else tensor[member] for tensor in stage[2:]]
    weight, bias, mean, variance = own
    return functional.batch_norm(y, mean, variance, weight, bias, wiring.training, 0.0, wiring.eps)
