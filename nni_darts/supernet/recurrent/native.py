"""All time steps as one function with its own backward: a product a state, and one kernel for all the rest.

What a state multiplies is the matrices of all nodes that read it, side by side, so a time step of a cell with
k nodes has k + 1 products, whatever the number of edges. Backwards the same again, and the gradients of the
matrices are taken of many time steps together.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nni_darts.supernet.fused.native.function import gradients_through
from nni_darts.supernet.fused.native.kernels import Kernels, kernels_for
from nni_darts.supernet.recurrent.plain import plain_sequence
from nni_darts.supernet.recurrent.wiring import Found, Matrices, Norm, Wiring

_BLOCK = 1 << 23
"""Numbers that a block of time steps keeps until the gradients of the matrices are taken."""


def is_native(x: Tensor) -> bool:
    """Whether there are kernels for sequences like this one."""
    return (
        x.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and kernels_for(x.dtype, _ANY_WIDTH) is not None
    )


def native_sequence(
    wiring: Wiring,
    projected: Tensor,
    hidden: Tensor,
    matrices: Matrices,
    weights: Tensor,
    mask: Tensor | None = None,
    norm: Norm | None = None,
) -> Found:
    """As :func:`plain_sequence`."""
    given = (projected, hidden, matrices.hidden, weights, *matrices.nodes)
    outputs, mean, variance = _Sequence.apply(wiring, norm, mask, *(t.contiguous() for t in given))
    if norm is None or norm.given is not None:
        return Found(outputs, None, None)
    return Found(outputs, mean, variance)


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, wiring: Wiring, norm: Norm | None, mask: Tensor | None, *given: Tensor
    ) -> tuple[Tensor, ...]:
        projected, hidden, of_hidden, weights, *nodes = given
        cell = _Cell(wiring, norm, mask, projected, weights)
        side_by_side = [_columns(nodes, readers) for readers in wiring.readers]
        run = cell.run(projected, hidden, of_hidden, side_by_side)
        # The output itself would hold on to the graph that holds on to it.
        ctx.cell, ctx.run = cell, replace(run, outputs=run.outputs.detach())
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given)
        mean, variance = run.mean.flatten(0, 1), run.variance.flatten(0, 1)
        ctx.mark_non_differentiable(mean, variance)
        return run.outputs, mean, variance

    @staticmethod
    def backward(ctx: Any, of_outputs: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        given, cell = ctx.saved_tensors, ctx.cell
        wanted = ctx.needs_input_grad[3:]
        if of_outputs is None:
            return (None,) * (3 + len(given))
        if torch.is_grad_enabled():  # the gradient will be differentiated itself
            projected, hidden, of_hidden, weights, *nodes = given
            matrices = Matrices(of_hidden, nodes)
            found = plain_sequence(
                cell.wiring, projected, hidden, matrices, weights, cell.mask, cell.norm
            ).outputs
            return (None, None, None, *gradients_through([found], given, wanted, [of_outputs]))
        return (None, None, None, *cell.back(ctx.run, given, wanted, of_outputs.contiguous()))


@dataclass
class _Run:
    """What a forward keeps: by state and time step, [k + 1, T, B, n], and the products of every state."""

    outputs: Tensor
    states: Tensor
    masked: Tensor
    first: Tensor
    hidden: Tensor
    products: list[Tensor | None]
    mean: Tensor
    variance: Tensor
    inverse: Tensor


class _Cell:
    """Sizes, and the calls of the kernels, for one sequence."""

    def __init__(
        self, wiring: Wiring, norm: Norm | None, mask: Tensor | None, like: Tensor, weights: Tensor
    ) -> None:
        self.wiring, self.norm = wiring, norm
        self.mask = None if mask is None else mask.to(like.dtype).contiguous()
        self.steps, self.batch, double = like.shape
        self.width = double // 2
        self.states = wiring.nodes + 1
        self.kernels = _kernels(like.dtype)
        self.like = like
        self.weights = weights.detach()
        self.initial = like.new_tensor([[1.0, 0.0, 0.0, 0.0]])
        self.mode = 0 if norm is None else 1 if norm.given is None else 2

    def run(
        self, projected: Tensor, hidden: Tensor, of_hidden: Tensor, matrices: Sequence[Tensor | None]
    ) -> _Run:
        """Forward through all time steps."""
        steps, batch, width, states = self.steps, self.batch, self.width, self.states
        new = self.like.new_empty
        kept = new(states, steps, batch, width)
        run = _Run(
            outputs=new(steps, batch, width),
            states=kept,
            masked=kept if self.mask is None else torch.empty_like(kept),
            first=projected.clone(),
            hidden=new(steps, batch, width),
            products=[None if m is None else new(steps, batch, m.shape[1]) for m in matrices],
            mean=new(steps, states, width),
            variance=new(steps, states, width),
            inverse=new(steps, states, width),
        )
        if self.norm is not None and self.norm.given is not None:
            run.mean[:], run.variance[:] = self.norm.given
        share = 1 / len(self.wiring.outputs)
        for step in range(steps):
            masked = hidden if self.mask is None else torch.mul(hidden, self.mask, out=run.hidden[step])
            run.first[step].addmm_(masked, of_hidden)
            before = run.outputs[step - 1] if step else hidden
            for state in range(states):
                self._forward(run, step, state, before)
                product, matrix = run.products[state], matrices[state]
                if product is not None and matrix is not None:
                    torch.mm(run.masked[state, step], matrix, out=product[step])
            out = run.outputs[step]
            first, *others = self.wiring.outputs
            out.copy_(run.states[first, step])
            for node in others:
                out.add_(run.states[node, step])
            hidden = out.mul_(share)
        return run

    def back(
        self, run: _Run, given: Sequence[Tensor], wanted: Sequence[bool], of_outputs: Tensor
    ) -> list[Tensor | None]:
        """Gradients of the arguments that want one, backwards through all time steps."""
        _, hidden, of_hidden, _, *nodes = given
        wants_hidden_matrix, wants_weights = wanted[2], wanted[3]
        wants_nodes = any(wanted[4:])
        readers = self.wiring.readers
        matrices = [_columns(nodes, reading) for reading in readers]
        turned = [None if m is None else m.t() for m in matrices]
        totals = [None if m is None or not wants_nodes else torch.zeros_like(m) for m in matrices]
        of_first = torch.empty_like(run.first)
        of_weights = self.like.new_zeros(self.weights.shape, dtype=torch.float64) if wants_weights else None
        share = 1 / len(self.wiring.outputs)
        columns = sum(matrix.shape[1] for matrix in matrices if matrix is not None)
        block = _block(self.steps, columns, self.batch)
        rooms = [
            None if product is None else product.new_empty(block, *product.shape[1:])
            for product in run.products
        ]
        of_states = self.like.new_empty(self.states, self.batch, self.width)
        of_masked = self.like.new_empty(self.batch, self.width)
        of_before = self.like.new_zeros(self.batch, self.width)
        end = self.steps
        while end:
            begin = max(0, end - block)
            for step in reversed(range(begin, end)):
                place = step - begin
                of_out = (of_outputs[step] + of_before).mul_(share)
                of_states.zero_()
                for node in self.wiring.outputs:
                    of_states[node].add_(of_out)
                of_before.zero_()
                before = run.outputs[step - 1] if step else hidden
                for state in reversed(range(self.states)):
                    room, matrix = rooms[state], turned[state]
                    through = None
                    if room is not None and matrix is not None:
                        through = torch.mm(room[place], matrix, out=of_masked)
                    gradients = (of_states, of_first[step], of_before, rooms, place, of_weights)
                    self._backward(run, step, state, before, through, *gradients)
                torch.mm(of_first[step], of_hidden.t(), out=of_masked)
                of_before.add_(of_masked) if self.mask is None else of_before.addcmul_(of_masked, self.mask)
            for state, (total, room) in enumerate(zip(totals, rooms, strict=True)):
                if total is not None and room is not None:
                    seen = run.masked[state, begin:end].flatten(0, 1)
                    total.addmm_(seen.t(), room[: end - begin].flatten(0, 1))
            end = begin
        hidden_matrix = None
        if wants_hidden_matrix:
            unmasked = torch.cat([hidden[None], run.outputs[:-1]])
            seen = unmasked if self.mask is None else run.hidden
            hidden_matrix = seen.flatten(0, 1).t() @ of_first.flatten(0, 1)
        found = _by_node(totals, readers, nodes, self.width) if wants_nodes else [None] * len(nodes)
        gradients_of_weights = None if of_weights is None else of_weights.to(self.like.dtype)
        every = [of_first, of_before, hidden_matrix, gradients_of_weights, *found]
        return [gradient if wants else None for gradient, wants in zip(every, wanted, strict=True)]

    def _incoming(
        self, state: int, step: int, before: Tensor, run: _Run
    ) -> tuple[list[Tensor], list[int], list[Tensor], Tensor]:
        """Products and their strides, states and weights of the edges to a state."""
        if state == 0:
            return [run.first[step]], [2 * self.width], [before], self.initial
        sources = self.wiring.sources[state - 1]
        rows = self.wiring.rows
        products, strides = self._parts(run.products, step, state)
        states = [run.states[source, step] for source in sources]
        return products, strides, states, self.weights[rows[state - 1] : rows[state]]

    def _parts(self, wholes: Sequence[Tensor | None], step: int, node: int) -> tuple[list[Tensor], list[int]]:
        """The columns of a node in the products of its sources, as their first elements, and the strides."""
        found, strides = [], []
        for source in self.wiring.sources[node - 1]:
            whole = wholes[source]
            assert whole is not None
            start = self.wiring.readers[source].index(node) * 2 * self.width
            found.append(whole[step, :, start : start + 2 * self.width])
            strides.append(whole.shape[2])
        return found, strides

    def _layout(self, edges: int) -> Any:
        return ctypes.byref(_Layout(self.batch, self.width, edges, torch.get_num_threads(), self.mode))

    def _forward(self, run: _Run, step: int, state: int, before: Tensor) -> None:
        products, strides, states, weights = self._incoming(state, step, before, run)
        eps = 0.0 if self.norm is None else self.norm.eps
        statistics = (run.mean[step, state], run.variance[step, state], run.inverse[step, state])
        self.kernels(
            *("recurrent_forward", self._layout(len(products)), _starts(products), strides, states, weights),
            *(eps, *statistics, self.mask, run.states[state, step], run.masked[state, step]),
        )

    def _backward(
        self,
        run: _Run,
        step: int,
        state: int,
        before: Tensor,
        through: Tensor | None,
        of_states: Tensor,
        of_first: Tensor,
        of_before: Tensor,
        rooms: Sequence[Tensor | None],
        place: int,
        of_weights: Tensor | None,
    ) -> None:
        products, strides, states, weights = self._incoming(state, step, before, run)
        own = None
        if state == 0:
            of_products, into = [of_first], [of_before]
        else:
            of_products, _ = self._parts(rooms, place, state)
            into = [of_states[source] for source in self.wiring.sources[state - 1]]
            if of_weights is not None:
                own = of_weights[self.wiring.rows[state - 1] : self.wiring.rows[state]]
        self.kernels(
            *("recurrent_backward", self._layout(len(products)), _starts(products), strides, states, weights),
            *(run.states[state, step], run.inverse[step, state], self.mask, through, of_states[state]),
            *(_starts(of_products), into, own),
        )


class _Layout(ctypes.Structure):
    """The first argument of both kernels."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("batch", "width", "edges", "threads", "norm"))


_ANY_WIDTH = 64
"""These kernels ask nothing of the width, so the variant with the widest vectors serves."""


def _kernels(dtype: torch.dtype) -> Kernels:
    found = kernels_for(dtype, _ANY_WIDTH)
    assert found is not None
    return found


def _starts(tensors: Sequence[Tensor]) -> Any:
    """Addresses of views that have strides of their own."""
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def _columns(nodes: Sequence[Tensor], readers: Sequence[int]) -> Tensor | None:
    """The matrices of the nodes that read a state, side by side."""
    return torch.cat([nodes[node - 1] for node in readers], 1) if readers else None


def _block(steps: int, columns: int, batch: int) -> int:
    return max(1, min(steps, _BLOCK // max(1, columns * batch)))


def _by_node(
    totals: Sequence[Tensor | None], readers: Sequence[Sequence[int]], nodes: Sequence[Tensor], width: int
) -> list[Tensor | None]:
    found: list[Tensor] = [torch.zeros_like(node) for node in nodes]
    for total, reading in zip(totals, readers, strict=True):
        for place, node in enumerate(reading):
            assert total is not None
            found[node - 1] += total[:, 2 * width * place : 2 * width * (place + 1)]
    return list(found)
