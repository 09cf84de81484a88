"""A whole sequence as one function: the same numbers and gradients as step by step, edge by edge."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from nni_darts.genotype import RECURRENT_CELLS
from nni_darts.supernet.recurrent import native
from nni_darts.supernet.recurrent.native import native_sequence
from nni_darts.supernet.recurrent.plain import plain_sequence
from nni_darts.supernet.recurrent.statistics import follow
from nni_darts.supernet.recurrent.wiring import Found, Matrices, Norm, Wiring
from search_spaces.recurrent.cell import Masks, RecurrentCell
from search_spaces.recurrent.discrete_cell import DiscreteRecurrentCell
from tests.supernet.fused.pairs import distance

FULL = Wiring(tuple(tuple(range(node)) for node in range(1, 5)), (1, 2, 3, 4))
ENAS = DiscreteRecurrentCell(RECURRENT_CELLS["ENAS_RNN"], 1).wiring
WIDTH = 5


def arguments(wiring: Wiring, dtype: torch.dtype = torch.float64, seed: int = 0) -> list[Tensor]:
    """Projected tokens, hidden state, hidden matrix, edges' weights, matrices of the nodes."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(4, 3, 2 * WIDTH), (3, WIDTH), (WIDTH, 2 * WIDTH), (wiring.rows[-1], 4)]
    shapes += [(WIDTH, 2 * WIDTH)] * wiring.nodes
    # In float32 first, so that both types see the same numbers.
    drawn = [0.4 * torch.randn(shape, generator=generator) for shape in shapes]
    return [tensor.to(dtype).requires_grad_() for tensor in drawn]


def found(
    function: Callable[..., Found],
    wiring: Wiring,
    given: Sequence[Tensor],
    mask: Tensor | None = None,
    norm: Norm | None = None,
    wanted: Sequence[int] | None = None,
) -> list[Tensor]:
    """Outputs, statistics, and the gradients of the wanted arguments."""
    result = function(wiring, given[0], given[1], Matrices(given[2], given[4:]), given[3], mask, norm)
    chosen = list(given) if wanted is None else [given[place] for place in wanted]
    of_outputs = torch.linspace(-1, 1, result.outputs.numel()).sin().view_as(result.outputs)
    gradients = torch.autograd.grad(result.outputs, chosen, of_outputs.to(result.outputs))
    statistics = [] if result.mean is None or result.variance is None else [result.mean, result.variance]
    return [result.outputs, *statistics, *gradients]


def norms() -> dict[str, Norm | None]:
    given = torch.linspace(-1, 1, WIDTH).double(), torch.linspace(0.5, 2, WIDTH).double()
    return {"none": None, "batch": Norm(1e-5), "given": Norm(1e-5, given)}


@pytest.mark.usefixtures("needs_kernels")
@pytest.mark.parametrize("norm", norms())
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("wiring", [FULL, ENAS], ids=["search", "ENAS"])
def test_the_kernels_compute_what_the_operators_do(wiring, masked, norm):
    mask = torch.linspace(0, 2, 3 * WIDTH).view(3, WIDTH).double() if masked else None
    given = arguments(wiring)
    got, want = (found(f, wiring, given, mask, norms()[norm]) for f in (native_sequence, plain_sequence))
    assert len(got) == len(want)
    assert max(map(distance, want, got)) < 1e-12


@pytest.mark.usefixtures("needs_kernels")
@pytest.mark.parametrize("wanted", [[3], [0, 1], [2, 4, 5, 6, 7]], ids=["mixture", "input", "matrices"])
def test_only_the_gradients_that_are_asked_for(wanted):
    whole = arguments(FULL)
    want = found(plain_sequence, FULL, whole, norm=Norm(1e-5), wanted=wanted)
    given = [t if place in wanted else t.detach() for place, t in enumerate(whole)]
    got = found(native_sequence, FULL, given, norm=Norm(1e-5), wanted=wanted)
    assert max(map(distance, want, got)) < 1e-12


@pytest.mark.usefixtures("needs_kernels")
def test_in_float32_it_is_as_exact_as_the_operators():
    want = found(plain_sequence, FULL, arguments(FULL))
    own, operators = (
        max(map(distance, want, found(f, FULL, arguments(FULL, torch.float32))))
        for f in (native_sequence, plain_sequence)
    )
    assert own < 4 * operators
    assert own < 1e-5


@pytest.mark.usefixtures("needs_kernels")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_activations_are_those_of_pytorch_everywhere(dtype):
    """One node, one edge, open gate: the output is the activation of the candidate."""
    points = torch.cat([torch.logspace(-6, 2.2, 40), -torch.logspace(-6, 2.2, 40), torch.zeros(1)]).to(dtype)
    wiring, eps = Wiring(((0,),), (1,)), torch.finfo(dtype).eps
    for column, function in enumerate((torch.tanh, torch.relu, torch.sigmoid, lambda x: x)):
        weights = torch.zeros(1, 4, dtype=dtype)
        weights[0, column] = 1
        # State 0 is 1 (candidate far right, gate open); its products are gate and candidate of the edge.
        projected = torch.full((1, len(points), 2), 1e3, dtype=dtype)
        hidden, nothing = torch.zeros(len(points), 1, dtype=dtype), torch.zeros(1, 2, dtype=dtype)
        for row, point in enumerate(points):
            matrix = torch.tensor([[1e3, point.item()]], dtype=dtype)
            own = projected[:, row : row + 1]
            result = native_sequence(wiring, own, hidden[:1], Matrices(nothing, [matrix]), weights)
            # 1 + gate (f - 1): one rounding next to 1, whatever f is.
            assert abs(result.outputs.item() - function(point).item()) <= 2 * eps * max(1, abs(point.item()))


@pytest.mark.usefixtures("needs_kernels")
def test_a_kept_graph_gives_the_same_gradient_again_and_a_dropped_one_leaves_no_memory():
    given = arguments(FULL)
    outputs = native_sequence(FULL, given[0], given[1], Matrices(given[2], given[4:]), given[3]).outputs
    loss = outputs.square().sum()
    first = torch.autograd.grad(loss, given, retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(loss, given)))
    gone = weakref.ref(outputs.grad_fn)
    gc.disable()
    try:
        del outputs, loss
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.usefixtures("needs_kernels")
def test_it_can_be_differentiated_twice():
    def second_derivatives(function: Callable[..., Found]) -> Sequence[Tensor]:
        given = arguments(FULL)
        found = function(FULL, given[0], given[1], Matrices(given[2], given[4:]), given[3], None, Norm(1e-5))
        first = torch.autograd.grad(found.outputs.square().sum(), given, create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), given)

    assert max(map(distance, *(second_derivatives(f) for f in (plain_sequence, native_sequence)))) < 1e-11


@pytest.mark.usefixtures("needs_kernels")
def test_what_is_not_a_number_stays_none():
    given = [t.detach().clone() for t in arguments(FULL)]
    given[1][0, 0] = float("nan")
    outputs = native_sequence(FULL, given[0], given[1], Matrices(given[2], given[4:]), given[3]).outputs
    assert outputs[:, 0].isnan().any()
    assert not outputs[:, 1:].isnan().any()


@pytest.mark.parametrize("kernels", ["on", "off"])
@pytest.mark.parametrize("name", RECURRENT_CELLS)
def test_a_discrete_cell_is_its_steps_one_after_the_other(name, kernels, monkeypatch):
    monkeypatch.setenv("NNI_DARTS_KERNELS", kernels)
    torch.manual_seed(3)
    cell = DiscreteRecurrentCell(RECURRENT_CELLS[name], 4).double()
    x, hidden = torch.randn(5, 2, 4).double().requires_grad_(), torch.randn(2, 4).double()
    masks = Masks(*(2 * torch.rand(2, 2, 4).double()))
    parameters = [x, *cell.parameters()]
    results = []
    for outputs in (cell(x, hidden, masks), RecurrentCell.sequence(cell, x, hidden, masks)):
        results.append([outputs, *torch.autograd.grad(outputs.square().sum(), parameters)])
    assert max(map(distance, *results)) < 1e-12


def test_running_statistics_follow_as_they_would_one_by_one():
    torch.manual_seed(0)
    norm, other = (nn.BatchNorm1d(3, affine=False, momentum=0.3).double() for _ in range(2))
    batches = torch.randn(7, 5, 3).double()
    for batch in batches:
        norm(batch)
    follow(other, batches.mean(1), batches.var(1, correction=0), 5)
    for name, buffer in norm.named_buffers():
        assert torch.allclose(other.get_buffer(name), buffer, rtol=1e-14), name


@pytest.mark.usefixtures("needs_kernels")
def test_matrices_get_the_same_gradients_from_many_short_blocks(monkeypatch):
    given = arguments(FULL)
    whole = found(native_sequence, FULL, given)
    for numbers in (1, 3 * 10 * 10 * 3):  # a block of one time step, and of three of the four
        monkeypatch.setattr(native, "_BLOCK", numbers)
        assert max(map(distance, whole, found(native_sequence, FULL, given))) < 1e-13
