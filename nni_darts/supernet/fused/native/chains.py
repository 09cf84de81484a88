"""Separable convolutions, BatchNorms and the weighted sums of a level as one differentiable function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nni_darts.supernet.fused.native.folded import Folded, FoldedGradients, fold_batch, fold_running, unfold
from nni_darts.supernet.fused.native.kernels import Kernels, kernels_for
from nni_darts.supernet.fused.native.plain import plain_chains
from nni_darts.supernet.fused.native.wiring import ChainStage, Wiring

Gradients = list[Tensor | None]


class Found(NamedTuple):
    """Outputs [B, H', W', C]; mean and biased variance of every stage's BatchNorms [K, C], when training."""

    outputs: tuple[Tensor, ...]
    statistics: list[tuple[Tensor, Tensor]]


def chains(
    wiring: Wiring, coefficients: Tensor, stages: Sequence[ChainStage], inputs: Sequence[Tensor]
) -> Found:
    """For each target the sum over its members of ``coefficients`` [K] times their last BatchNorm.

    Parameters
    ----------
    inputs
        S tensors [B, H, W, C]; the members rectify them.
    """
    flat = [tensor for stage in stages for tensor in stage]
    found = _Chains.apply(wiring, coefficients, *flat, *(x.contiguous() for x in inputs))
    rest = found[wiring.outs :]
    return Found(found[: wiring.outs], list(zip(rest[::2], rest[1::2], strict=True)))


class _Chains(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, wiring: Wiring, coefficients: Tensor, *tensors: Any) -> tuple[Tensor, ...]:
        stages, inputs = wiring.parted(tensors)
        kernels, training = _kernels(coefficients, wiring), wiring.training
        first, *others = wiring.geometries
        z, sums = kernels.forward(first, inputs, None, None, stages[0].filters, training)
        folds, outputs_of = [_fold(wiring, stages[0], sums)], [z]
        for geometry, stage in zip(others, stages[1:], strict=True):
            chained = z[: wiring.chained].unbind(0)
            second, sums = kernels.forward(
                geometry, chained, *_between(wiring, folds), stage.filters, training
            )
            folds.append(_fold(wiring, stage, sums))
            outputs_of.append(second)
        maps, shifts = _ends(wiring, folds)
        outputs = kernels.combine(
            first,
            wiring.targets,
            _last(wiring, outputs_of),
            (maps * coefficients.view(-1, 1, 1)).transpose(1, 2).contiguous(),
            wiring.by_target(shifts * coefficients.unsqueeze(1)),
        )
        statistics = [t for fold in folds for t in (fold.centre, fold.variance)] if training else []
        ctx.mark_non_differentiable(*statistics)
        ctx.wiring, ctx.folds = wiring, folds
        ctx.save_for_backward(coefficients, *tensors, *outputs_of)
        return (*outputs, *statistics)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        wiring: Wiring = ctx.wiring
        wanted = ctx.needs_input_grad[1:]
        coefficients, *tensors = ctx.saved_tensors
        given, outputs_of = tensors[: len(wanted) - 1], tensors[len(wanted) - 1 :]
        of_outputs = gradients[: wiring.outs]
        if torch.is_grad_enabled():  # the gradient will be differentiated itself
            return None, *_plain_gradients(wiring, [coefficients, *given], wanted, of_outputs)
        return None, *_Backward(wiring, ctx.folds, coefficients, given, outputs_of, wanted).run(of_outputs)


class _Backward:
    """The gradients, from the ends of the members to their sources."""

    def __init__(
        self,
        wiring: Wiring,
        folds: list[Folded],
        coefficients: Tensor,
        given: Sequence[Any],
        outputs_of: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> None:
        self.wiring, self.folds, self.coefficients, self.outputs_of = wiring, folds, coefficients, outputs_of
        self.stages, self.inputs = wiring.parted(given)
        self.wanted, self.wanted_inputs = wiring.parted(wanted[1:])
        self.kernels = _kernels(coefficients, wiring)

    def run(self, of_outputs: Sequence[Tensor]) -> Gradients:
        """In the order of the function's arguments."""
        wiring, chained = self.wiring, self.wiring.chained
        upstream = [of_outputs[target].contiguous() for target in wiring.targets]
        maps, shifts = _ends(wiring, self.folds)
        sums = self.kernels.outer(wiring.geometries[0], upstream, _last(wiring, self.outputs_of))
        of_shifts, of_maps = _parted(sums)
        of_coefficients = (of_maps * maps).sum((1, 2)) + (of_shifts * shifts).sum(1)
        weights = self.coefficients.view(-1, 1, 1)
        back, of_maps, of_shifts = maps * weights, of_maps * weights, of_shifts * weights.squeeze(2)
        stages: list[Gradients] = []
        deeper = any(self.wanted[0]) or any(self.wanted_inputs)
        if chained:
            found = unfold(self.folds[1], of_maps[:chained], of_shifts[:chained])
            of_filters, of_z, sums_between = self._stage(
                1, self.outputs_of[0][:chained].unbind(0), upstream[:chained], back[:chained], found, deeper
            )
            stages.append(_of_stage(of_filters, found))
            if of_z is not None and sums_between is not None:
                between_shifts, between_maps = _parted(sums_between)
                upstream[:chained] = of_z
                of_maps = torch.cat([between_maps, of_maps[chained:]])
                of_shifts = torch.cat([between_shifts, of_shifts[chained:]])
                back = torch.cat([self.folds[0].maps[:chained], back[chained:]])
        if not deeper:
            nothing: Gradients = [None] * (len(ChainStage._fields) + len(self.inputs))
            return [
                of_coefficients,
                *nothing[len(self.inputs) :],
                *_flat(stages),
                *nothing[: len(self.inputs)],
            ]
        found = unfold(self.folds[0], of_maps, of_shifts)
        of_filters, of_inputs, _ = self._stage(0, self.inputs, upstream, back, found, any(self.wanted_inputs))
        stages.insert(0, _of_stage(of_filters, found))
        return [of_coefficients, *_flat(stages), *(of_inputs or (None for _ in self.inputs))]

    def _stage(
        self,
        number: int,
        inputs: Sequence[Tensor],
        upstream: Sequence[Tensor],
        back: Tensor,
        found: FoldedGradients,
        wants_inputs: bool,
    ) -> tuple[Tensor | None, list[Tensor] | None, Tensor | None]:
        wants_filters = self.wanted[number].filters
        if not wants_filters and not wants_inputs:
            return None, None, None
        maps, shifts = _between(self.wiring, self.folds) if number else (None, None)
        return self.kernels.backward(
            self.wiring.geometries[number],
            inputs,
            maps,
            shifts,
            self.stages[number].filters,
            self.outputs_of[number],
            upstream,
            back,
            _through_moments(found, self.wiring.count),
            wants_filters,
            wants_inputs,
        )


def _kernels(like: Tensor, wiring: Wiring) -> Kernels:
    found = kernels_for(like.dtype, wiring.geometries[0].channels)
    assert found is not None
    return found


def _fold(wiring: Wiring, stage: ChainStage, sums: Tensor | None) -> Folded:
    if sums is not None:
        return fold_batch(stage.pointwise, sums, wiring.count, wiring.eps, stage.weight, stage.bias)
    assert stage.mean is not None and stage.variance is not None
    return fold_running(stage.pointwise, stage.mean, stage.variance, wiring.eps, stage.weight, stage.bias)


def _between(wiring: Wiring, folds: Sequence[Folded]) -> tuple[Tensor, Tensor]:
    """What leads from a first stage to a second: maps [K, in, out] and shifts."""
    chained = wiring.chained
    return folds[0].maps[:chained].transpose(1, 2).contiguous(), folds[0].shifts[:chained]


def _ends(wiring: Wiring, folds: Sequence[Folded]) -> tuple[Tensor, Tensor]:
    """The maps [K, out, in] and shifts after each member's last stage."""
    if not wiring.chained:
        return folds[0].maps, folds[0].shifts
    first, second = folds
    chained = wiring.chained
    return torch.cat([second.maps, first.maps[chained:]]), torch.cat([second.shifts, first.shifts[chained:]])


def _last(wiring: Wiring, outputs_of: Sequence[Tensor]) -> list[Tensor]:
    """Each member's last convolution."""
    return [*(outputs_of[1].unbind(0) if wiring.chained else ()), *outputs_of[0][wiring.chained :].unbind(0)]


def _parted(sums: Tensor) -> tuple[Tensor, Tensor]:
    """[K, C + C * C] -> [K, C] and [K, C, C]."""
    channels = int(sums.shape[1] ** 0.5)
    return sums[:, :channels], sums[:, channels:].unflatten(1, (channels, channels))


def _through_moments(found: FoldedGradients, count: int) -> tuple[Tensor, Tensor]:
    """What every z gets because the statistics depend on it: a shift, and a matrix that multiplies z."""
    if found.mean is None or found.product is None:
        channels = found.pointwise.shape[2]
        return torch.zeros_like(found.pointwise[:, 0]), found.pointwise.new_zeros(
            len(found.pointwise), channels, channels
        )
    return found.mean / count, found.product * (2 / count)


def _of_stage(of_filters: Tensor | None, found: FoldedGradients) -> Gradients:
    """In the order of ``ChainStage``; running statistics get none."""
    return [
        of_filters,
        found.pointwise,
        found.weight,
        None if found.weight is None else found.bias,
        None,
        None,
    ]


def _flat(stages: Sequence[Gradients]) -> Gradients:
    return [gradient for stage in stages for gradient in stage]


def _plain_gradients(
    wiring: Wiring, given: Sequence[Any], wanted: Sequence[bool], of_outputs: Sequence[Tensor]
) -> Gradients:
    """By PyTorch's own operators, which can be differentiated again."""
    outputs = plain_chains(wiring, given[0], *wiring.parted(given[1:]))
    chosen = [tensor for tensor, wants in zip(given, wanted, strict=True) if wants and tensor is not None]
    found = iter(torch.autograd.grad(outputs, chosen, of_outputs, create_graph=True, allow_unused=True))
    return [next(found) if wants else None for wants in wanted]
