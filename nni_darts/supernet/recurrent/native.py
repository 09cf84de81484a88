"""All time steps as one function with its own backward: a product a state, and one kernel for all the rest.

What a state multiplies is the matrices of all nodes that read it, side by side, so a time step of a cell with
k nodes has k + 1 products, whatever the number of edges. Backwards the same again, and the gradients of the
matrices are taken of many time steps together.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nni_darts.supernet.fused.native.function import gradients_through
from nni_darts.supernet.fused.native.kernels import kernels_for
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
        run = cell.run(projected, hidden, of_hidden, cell.columns(cell.side_by_side(nodes)))
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


class _Layout(ctypes.Structure):
    """The first argument of both kernels."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("batch", "width", "edges", "threads", "norm"))


class _Row(NamedTuple):
    """Where the entry of time step 0 lies in memory, and how far apart the entries are, in bytes."""

    start: int
    apart: int

    @classmethod
    def of(cls, whole: Tensor, offset: int = 0) -> _Row:
        """From a tensor whose first dimension is time; ``offset`` counts numbers."""
        size = whole.element_size()
        return cls(whole.data_ptr() + offset * size, whole.stride(0) * size)

    def at(self, step: int) -> int:
        """The address at a time step."""
        return self.start + step * self.apart


class _Cell:
    """Sizes, and the calls of the kernels, for one sequence.

    Time steps are short, so nothing is made twice in them that could be made once: views of time steps come
    from ``unbind``, and the kernels get addresses.
    """

    def __init__(
        self, wiring: Wiring, norm: Norm | None, mask: Tensor | None, like: Tensor, weights: Tensor
    ) -> None:
        self.wiring, self.norm = wiring, norm
        self.mask = None if mask is None else mask.to(like.dtype).contiguous()
        self.steps, self.batch, double = like.shape
        self.width = double // 2
        self.states = wiring.nodes + 1
        self.forward, self.backward = _kernels(like.dtype)
        self.like = like
        self.weights = weights.detach()
        self.initial = like.new_tensor([[1.0, 0.0, 0.0, 0.0]])
        mode = 0 if norm is None else 1 if norm.given is None else 2
        counts = [1, *map(len, wiring.sources)]
        threads = torch.get_num_threads()
        self.layouts = [_Layout(self.batch, self.width, count, threads, mode) for count in counts]
        size = self.weights.element_size()
        self.rows = [
            self.initial.data_ptr(),
            *(self.weights.data_ptr() + row * self.weights.shape[1] * size for row in wiring.rows[:-1]),
        ]
        self.share = like.new_zeros(self.states, 1, 1)
        self.share[list(wiring.outputs)] = 1 / len(wiring.outputs)

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
        incoming = self._incoming(run, hidden)
        written = [
            [_Row.of(whole[:, state]) for whole in (run.mean, run.variance, run.inverse)]
            + [_Row.of(run.states[state]), _Row.of(run.masked[state])]
            for state in range(states)
        ]
        mask = _address(self.mask)
        eps = 0.0 if self.norm is None else self.norm.eps
        products = [
            None if product is None or matrix is None else (product.unbind(0), matrix)
            for product, matrix in zip(run.products, matrices, strict=True)
        ]
        masked = [state.unbind(0) for state in run.masked.unbind(0)]
        firsts, outs, hiddens = run.first.unbind(0), run.outputs.unbind(0), run.hidden.unbind(0)
        by_step = kept.unbind(1)
        for step in range(steps):
            before = hidden if self.mask is None else torch.mul(hidden, self.mask, out=hiddens[step])
            firsts[step].addmm_(before, of_hidden)
            for state in range(states):
                mean, variance, inverse, out, out_masked = (row.at(step) for row in written[state])
                given = (*incoming[state].at(step), self.rows[state], eps, mean, variance, inverse)
                self.forward(self.layouts[state], *given, mask, out, out_masked)
                following = products[state]
                if following is not None:
                    torch.mm(masked[state][step], following[1], out=following[0][step])
            hidden = self._mean(by_step[step], outs[step])
        return run

    def _mean(self, states: Tensor, out: Tensor) -> Tensor:
        first, *others = self.wiring.outputs
        if self.wiring.outputs == tuple(range(first, self.states)):
            return torch.mean(states[first:], 0, out=out)
        out.copy_(states[first])
        for node in others:
            out.add_(states[node])
        return out.div_(1 + len(others))

    def back(
        self, run: _Run, given: Sequence[Tensor], wanted: Sequence[bool], of_outputs: Tensor
    ) -> list[Tensor | None]:
        """Gradients of the arguments that want one, backwards through all time steps."""
        _, hidden, of_hidden, _, *nodes = given
        # Turned in memory, since products with few rows are quicker so.
        whole = self.side_by_side(nodes).t().contiguous()
        turned = [None if part is None else part.t() for part in self.columns(whole.t())]
        hidden_turned = of_hidden.t().contiguous()
        total = torch.zeros_like(whole).t() if any(wanted[4:]) else None
        totals = [None] * self.states if total is None else self.columns(total)
        of_first = torch.empty_like(run.first)
        of_weights = self.like.new_zeros(self.weights.shape, dtype=torch.float64) if wanted[3] else None
        block = _block(self.steps, 2 * self.width * self.wiring.rows[-1], self.batch)
        rooms = [None if p is None else p.new_empty(block, *p.shape[1:]) for p in run.products]
        of_states = self.like.new_empty(self.states, self.batch, self.width)
        of_masked = self.like.new_empty(self.batch, self.width)
        of_before = self.like.new_zeros(self.batch, self.width)
        into = self._into(rooms, of_first, of_states, of_before, of_weights)
        incoming = self._incoming(run, hidden)
        read = [(_Row.of(run.states[s]), _Row.of(run.inverse[:, s])) for s in range(self.states)]
        mask, through = _address(self.mask), _address(of_masked)
        gradients = [_address(of_states[state]) for state in range(self.states)]
        views = [None if room is None else room.unbind(0) for room in rooms]
        end = self.steps
        while end:
            begin = max(0, end - block)
            for step in reversed(range(begin, end)):
                torch.mul(of_outputs[step] + of_before, self.share, out=of_states)
                of_before.zero_()
                for state in reversed(range(self.states)):
                    view, matrix = views[state], turned[state]
                    if view is not None and matrix is not None:
                        torch.mm(view[step - begin], matrix, out=of_masked)
                    own, inverse = (row.at(step) for row in read[state])
                    of_products, of_sources, of_row = into[state]
                    seen = (*incoming[state].at(step), self.rows[state], own, inverse, mask)
                    self.backward(
                        self.layouts[state],
                        *(*seen, None if view is None else through, gradients[state]),
                        *(_addresses(of_products, step if state == 0 else step - begin), of_sources, of_row),
                    )
                torch.mm(of_first[step], hidden_turned, out=of_masked)
                of_before.add_(of_masked) if self.mask is None else of_before.addcmul_(of_masked, self.mask)
            for state, (part, room) in enumerate(zip(totals, rooms, strict=True)):
                if part is not None and room is not None:
                    rows = run.masked[state, begin:end].flatten(0, 1)
                    part.t().addmm_(room[: end - begin].flatten(0, 1).t(), rows)
            end = begin
        hidden_matrix = None
        if wanted[2]:
            unmasked = torch.cat([hidden[None], run.outputs[:-1]])
            seen_hidden = unmasked if self.mask is None else run.hidden
            hidden_matrix = seen_hidden.flatten(0, 1).t() @ of_first.flatten(0, 1)
        found = [None] * len(nodes) if total is None else self._by_node(total)
        of_table = None if of_weights is None else of_weights.to(self.like.dtype)
        every = [of_first, of_before, hidden_matrix, of_table, *found]
        return [gradient if wants else None for gradient, wants in zip(every, wanted, strict=True)]

    def side_by_side(self, nodes: Sequence[Tensor]) -> Tensor:
        """All nodes' matrices in the wiring's order, [n, k * 2n]."""
        return torch.cat([nodes[node - 1] for node in self.wiring.order], 1)

    def columns(self, whole: Tensor) -> list[Tensor | None]:
        """For every state the columns of the nodes that read it."""
        double = 2 * self.width
        return [
            whole[:, double * span.start : double * span.stop] if span else None
            for span in self.wiring.readers
        ]

    def _by_node(self, whole: Tensor) -> list[Tensor | None]:
        """The columns of node 1, 2, ..."""
        parts = dict(zip(self.wiring.order, whole.split(2 * self.width, 1), strict=True))
        return [parts[node].contiguous() for node in range(1, self.states)]

    def _incoming(self, run: _Run, hidden: Tensor) -> list[_Incoming]:
        """Products and states of the edges to every state."""
        double = 2 * self.width
        before = _Row.of(run.outputs)
        # The hidden state before the first time step is the caller's.
        first = _Incoming([_Row.of(run.first)], (ctypes.c_int64 * 1)(double), [before], hidden.data_ptr())
        found = [first]
        for node, sources in enumerate(self.wiring.sources, start=1):
            products = self._parts(run.products, node)
            widths = [self._width_of(run.products[source]) for source in sources]
            strides = (ctypes.c_int64 * len(sources))(*widths)
            found.append(_Incoming(products, strides, [_Row.of(run.states[source]) for source in sources]))
        return found

    def _into(
        self,
        rooms: Sequence[Tensor | None],
        of_first: Tensor,
        of_states: Tensor,
        of_before: Tensor,
        of_weights: Tensor | None,
    ) -> list[tuple[list[_Row], Any, int | None]]:
        """For every state where the gradients of its edges go: products, states, and rows of weights."""
        found: list[tuple[list[_Row], Any, int | None]] = [
            ([_Row.of(of_first)], (ctypes.c_void_p * 1)(of_before.data_ptr()), None)
        ]
        for node, sources in enumerate(self.wiring.sources, start=1):
            targets = (ctypes.c_void_p * len(sources))(*(of_states[source].data_ptr() for source in sources))
            row = None if of_weights is None else of_weights[self.wiring.rows[node - 1] :].data_ptr()
            found.append((self._parts(rooms, node), targets, row))
        return found

    def _parts(self, wholes: Sequence[Tensor | None], node: int) -> list[_Row]:
        """The columns of a node in what its sources have."""
        found = []
        for source in self.wiring.sources[node - 1]:
            whole = wholes[source]
            assert whole is not None
            place = self.wiring.order.index(node) - self.wiring.readers[source].start
            found.append(_Row.of(whole, place * 2 * self.width))
        return found

    @staticmethod
    def _width_of(product: Tensor | None) -> int:
        assert product is not None
        return product.shape[2]


@dataclass(frozen=True)
class _Incoming:
    """Edges to one state; with ``before``, the source at time step 0, sources are a time step old."""

    products: list[_Row]
    strides: Any
    sources: list[_Row]
    before: int | None = None

    def at(self, step: int) -> tuple[Any, Any, Any]:
        """The three arguments of the kernels at a time step."""
        if self.before is None:
            sources = _addresses(self.sources, step)
        else:
            sources = (ctypes.c_void_p * 1)(self.sources[0].at(step - 1) if step else self.before)
        return _addresses(self.products, step), self.strides, sources


def _addresses(rows: Sequence[_Row], step: int) -> Any:
    return (ctypes.c_void_p * len(rows))(*[row.start + step * row.apart for row in rows])


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


_ANY_WIDTH = 64
"""These kernels ask nothing of the width, so the variant with the widest vectors serves."""


@cache
def _kernels(dtype: torch.dtype) -> tuple[Any, Any]:
    """Forward and backward, which take addresses as plain numbers."""
    found = kernels_for(dtype, _ANY_WIDTH)
    assert found is not None
    layout, address = ctypes.POINTER(_Layout), ctypes.c_void_p
    forward, backward = found.function("recurrent_forward"), found.function("recurrent_backward")
    forward.argtypes = [layout, *[address] * 4, ctypes.c_double, *[address] * 6]
    backward.argtypes = [layout, *[address] * 12]
    forward.restype = backward.restype = None
    return forward, backward


def _block(steps: int, columns: int, batch: int) -> int:
    return max(1, min(steps, _BLOCK // max(1, columns * batch)))
