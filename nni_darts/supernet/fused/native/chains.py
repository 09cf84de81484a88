"""A level's chains by kernels for CPUs, as one differentiable function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.batched import batched_chains
from nni_darts.supernet.fused.native.folded import Folded, fold, unfold
from nni_darts.supernet.fused.native.function import filled, gradients_through, of_totals
from nni_darts.supernet.fused.native.kernels import kernels_of
from nni_darts.supernet.fused.wiring import ChainStage, Found, Wiring

Gradients = list[Tensor | None]


def native_chains(
    wiring: Wiring,
    coefficients: Tensor,
    stages: Sequence[ChainStage],
    inputs: Sequence[Tensor],
    totals: Sequence[Tensor | None],
) -> Found:
    """For each target the sum over its members of ``coefficients`` [K] times their last BatchNorm.

    Parameters
    ----------
    inputs
        S images [B, C, H, W], not rectified.
    totals
        What each target has so far, [B, H', W', C]: it is added to in place, and is the output.
    """
    dtype = inputs[0].dtype  # the kernels know one type only
    flat = [None if tensor is None else tensor.to(dtype) for stage in stages for tensor in stage]
    rows = [x.permute(0, 2, 3, 1).contiguous() for x in inputs]
    found = _Chains.apply(wiring, coefficients.to(dtype), *totals, *flat, *rows)
    rest = found[wiring.outs :]
    statistics = list(zip(rest[::2], rest[1::2], strict=True))
    return Found(
        found[: wiring.outs], statistics, wiring.geometries[0].correction if wiring.training else 1.0
    )


class _Chains(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, wiring: Wiring, coefficients: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
        totals, tensors = arguments[: wiring.outs], arguments[wiring.outs :]
        stages, inputs = wiring.parted(tensors)
        kernels = kernels_of(coefficients.dtype, wiring.geometries[0].channels)
        convolved: list[Tensor] = []
        folds: list[Folded] = []
        for geometry, stage, eps in zip(wiring.geometries, stages, wiring.eps, strict=True):
            z = coefficients.new_empty(geometry.out_shape)
            sums = geometry.sums(z) if wiring.training else None
            maps, shifts = (folds[0].turned, folds[0].shifts) if folds else (None, None)
            read = convolved[0][: wiring.chained].unbind(0) if convolved else inputs
            kernels("chain_forward", *geometry.call, read, maps, shifts, stage.filters, z, sums)
            folds.append(fold(kernels, stage, sums, wiring.count, eps))
            convolved.append(z)
        outputs = [torch.empty_like(convolved[0][0]) if total is None else total for total in totals]
        kernels(
            *("chain_combine", wiring.geometries[0].call[0], wiring.outs, wiring.targets, coefficients),
            wiring.ends(convolved),
            wiring.ends([folded.turned for folded in folds]),
            wiring.ends([folded.shifts for folded in folds]),
            [int(total is not None) for total in totals],
            outputs,
        )
        statistics = [t for folded in folds for t in (folded.centre, folded.variance)]
        statistics = statistics if wiring.training else []
        ctx.mark_dirty(*(total for total in totals if total is not None))
        ctx.mark_non_differentiable(*statistics)
        ctx.set_materialize_grads(False)
        ctx.wiring, ctx.folds = wiring, folds
        ctx.save_for_backward(coefficients, *tensors, *convolved)
        return (*outputs, *statistics)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        wiring: Wiring = ctx.wiring
        wanted = [ctx.needs_input_grad[1], *ctx.needs_input_grad[2 + wiring.outs :]]
        coefficients, *tensors = ctx.saved_tensors
        given, convolved = tensors[: len(wanted) - 1], tensors[len(wanted) - 1 :]
        own_gradients = gradients[: wiring.outs]
        of_outputs = filled(own_gradients, coefficients, wiring.geometries[0].out_shape[1:])
        if torch.is_grad_enabled():  # the gradient will be differentiated itself
            own = _plain_gradients(wiring, [coefficients, *given], wanted, of_outputs)
        else:
            own = _Backward(wiring, ctx.folds, coefficients, given, convolved, wanted).run(of_outputs)
        had = ctx.needs_input_grad[2 : 2 + wiring.outs]
        return None, own[0], *of_totals(own_gradients, had), *own[1:]


class _Backward:
    """The gradients, from the ends of the members to their sources."""

    def __init__(
        self,
        wiring: Wiring,
        folds: list[Folded],
        coefficients: Tensor,
        given: Sequence[Any],
        convolved: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> None:
        self.wiring, self.folds, self.coefficients, self.convolved = wiring, folds, coefficients, convolved
        self.stages, self.inputs = wiring.parted(given)
        self.wanted, self.wanted_inputs = wiring.parted(wanted[1:])
        self.kernels = kernels_of(coefficients.dtype, wiring.geometries[0].channels)
        self.of_coefficients = torch.empty_like(coefficients)

    def run(self, of_outputs: Sequence[Tensor]) -> Gradients:
        """Of the coefficients, the stages' tensors and the inputs."""
        wiring, chained = self.wiring, self.wiring.chained
        first = wiring.geometries[0]
        upstream = [of_outputs[target] for target in wiring.targets]
        sums = first.sums(self.coefficients)
        self.kernels("chain_outer", first.call[0], upstream, wiring.ends(self.convolved), sums)
        rows = list(sums[0].unbind(0))
        stages: list[Gradients] = []
        deeper = any(self.wanted[0]) or any(self.wanted_inputs)
        if chained:
            inner = self.convolved[0][:chained].unbind(0)
            of_stage, of_z, sums = self._stage(1, inner, upstream[:chained], rows[:chained], 0, deeper)
            stages.append(of_stage)
            if deeper:
                upstream[:chained], rows[:chained] = of_z, sums[0].unbind(0)
        wants_inputs = any(self.wanted_inputs)
        of_stage, of_inputs, _ = self._stage(0, self.inputs, upstream, rows, chained, wants_inputs)
        stages.insert(0, of_stage)
        return [self.of_coefficients, *(t for stage in stages for t in stage), *of_inputs]

    def _stage(
        self,
        number: int,
        inputs: Sequence[Tensor],
        upstream: Sequence[Tensor],
        rows: Sequence[Tensor],
        plain: int,
        wants_inputs: bool,
    ) -> tuple[Gradients, Any, Any]:
        """Of the stage; of the inputs, or of what their maps gave; sums for the maps."""
        geometry, folded = self.wiring.geometries[number], self.folds[number]
        factors, count = self.coefficients, self.wiring.count
        found = unfold(self.kernels, folded, rows, factors, plain, self.of_coefficients, count)
        of_filters = of_inputs = sums = maps = shifts = None
        if number:
            maps, shifts = self.folds[0].turned, self.folds[0].shifts
            sums = geometry.sums(factors, geometry.sources) if wants_inputs else None
        if self.wanted[number].filters:
            of_filters = factors.new_empty(geometry.groups, geometry.begins[-1])
        if wants_inputs:
            of_inputs = [torch.empty_like(x) for x in inputs]
        if self.wanted[number].filters or wants_inputs:
            self.kernels(
                *("chain_backward", *geometry.call, inputs, maps, shifts, self.stages[number].filters),
                *(self.convolved[number], upstream, folded.maps.unbind(0), factors, plain),
                *(found.shift, found.scatter, of_filters, of_inputs, sums),
            )
        in_order = None if of_filters is None else of_filters[0, geometry.order]
        of_stage: Gradients = [in_order, found.pointwise, found.weight, found.bias, None, None]
        return of_stage, of_inputs or [None] * len(inputs), sums


def _plain_gradients(
    wiring: Wiring, given: Sequence[Any], wanted: Sequence[bool], of_outputs: Sequence[Tensor]
) -> Gradients:
    stages, inputs = wiring.parted(given[1:])
    images = [x.permute(0, 3, 1, 2).relu() for x in inputs]
    outputs = [y.permute(0, 2, 3, 1) for y in batched_chains(wiring, given[0], stages, images).outputs]
    return gradients_through(outputs, given, wanted, of_outputs)
