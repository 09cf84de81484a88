"""The kernels against the same level by PyTorch's operators, which the tests of cells check in their turn."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from nni_darts.supernet.fused.batched import batched_chains
from nni_darts.supernet.fused.geometry import Filter, Geometry
from nni_darts.supernet.fused.native.chains import native_chains
from nni_darts.supernet.fused.wiring import ChainStage, Wiring

pytestmark = pytest.mark.usefixtures("needs_kernels")

# Two sources, two targets, all windows; members 0 to 2 have a second stage.
FIRST = ((0, 3, 1), (1, 5, 1), (0, 7, 1), (1, 3, 2), (0, 5, 2))
SECOND = ((0, 3, 1), (1, 5, 1), (2, 3, 2))
TARGETS = (0, 1, 0, 1, 1)


def wiring(channels, stride, training=True):
    first = Geometry(tuple(Filter(s, k, stride, d) for s, k, d in FIRST), 2, channels)
    second = Geometry(tuple(Filter(s, k, 1, d) for s, k, d in SECOND), 3, channels)
    return Wiring((first, second), TARGETS, eps=(1e-5, 0.1), training=training)


def arguments(wires, channels, batch, size, dtype, affine=True):
    """Coefficients, stages and inputs, all random, all leaves."""
    generator = torch.Generator().manual_seed(3)

    def leaf(*shape, positive=False):
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (drawn.abs() + 0.5 if positive else drawn).to(dtype).requires_grad_()

    stages = []
    for geometry in wires.geometries:
        count = len(geometry.filters)
        rows = (count, channels)
        norms = [leaf(*rows), leaf(*rows)] if affine else [None, None]
        running = [None, None]
        if not wires.training:
            running = [leaf(*rows).detach(), leaf(*rows, positive=True).detach()]
        stages.append(
            ChainStage(leaf(geometry.begins[-1]), leaf(count, channels, channels), *norms, *running)
        )
    inputs = [leaf(batch, channels, *size) for _ in range(2)]
    return leaf(len(TARGETS)), stages, inputs


def leaves(coefficients, stages, inputs):
    flat = [t for stage in stages for t in stage[:4] if t is not None]
    return [coefficients, *flat, *inputs]


def both(wires, coefficients, stages, inputs):
    """Outputs as images and statistics, by the kernels and by the operators."""
    wires = wires.on(inputs[0], wires.training)
    native = native_chains(wires, coefficients, stages, inputs, [None, None])
    batched = batched_chains(wires, coefficients, stages, [x.relu() for x in inputs])
    return (
        ([y.permute(0, 3, 1, 2) for y in native.outputs], native.statistics),
        (list(batched.outputs), batched.statistics),
    )


def gradients(outputs, of):
    loss = sum((y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).sin().view_as(y)).sum() for y in outputs)
    return torch.autograd.grad(loss, of)


def assert_close(want, got, tolerance):
    for a, b in zip(want, got, strict=True):
        assert (a - b).abs().max() <= tolerance * max(1.0, a.abs().max())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("channels", "batch", "size"),
    [(1, 2, (5, 7)), (3, 3, (6, 4)), (8, 2, (9, 8)), (12, 20, (3, 3)), (16, 2, (8, 11)), (24, 1, (4, 2))],
)
def test_outputs_statistics_and_all_gradients(channels, batch, size, stride, training):
    wires = wiring(channels, stride, training)
    given = arguments(wires, channels, batch, size, torch.float64)
    (outputs, statistics), (want, want_statistics) = both(wires, *given)
    assert_close(want, outputs, 1e-12)
    count = batch * -(-size[0] // stride) * -(-size[1] // stride)
    for (mean, variance), (own_mean, own_variance) in zip(want_statistics, statistics, strict=True):
        # Biased from the kernels, unbiased from the operators.
        assert_close((mean, variance), (own_mean, own_variance * (count / max(1, count - 1))), 1e-12)
    of = leaves(*given)
    assert_close(gradients(want, of), gradients(outputs, of), 1e-10)


def test_single_precision():
    wires = wiring(16, 1)
    given = arguments(wires, 16, 4, (16, 16), torch.float32, affine=False)
    (outputs, _), _ = both(wires, *given)
    exact_wires = wiring(16, 1)
    exact = arguments(exact_wires, 16, 4, (16, 16), torch.float64, affine=False)
    _, (want, _) = both(exact_wires, *exact)
    assert_close(want, outputs, 1e-4)
    assert_close(gradients(want, leaves(*exact)), gradients(outputs, leaves(*given)), 1e-3)


def test_gradients_of_the_first_and_second_order_against_differences():
    geometry = Geometry((Filter(0, 3, 1, 1), Filter(0, 3, 1, 2)), 1, 2)
    second = Geometry((Filter(0, 3, 1, 1),), 1, 2)
    wires = Wiring((geometry, second), (0, 0), eps=(0.1, 0.1))
    generator = torch.Generator().manual_seed(0)
    shapes = [(2,), (2 * 2 * 9,), (2, 2, 2), (2 * 9,), (1, 2, 2), (2, 2, 3, 3)]
    given = [
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes
    ]

    def run(coefficients, filters, pointwise, filters_2, pointwise_2, x):
        stages = [
            ChainStage(filters, pointwise, None, None, None, None),
            ChainStage(filters_2, pointwise_2, None, None, None, None),
        ]
        return native_chains(wires.on(x, True), coefficients, stages, [x], [None]).outputs[0]

    assert gradcheck(run, given)
    assert gradgradcheck(run, given)


def test_a_total_is_added_to_and_passes_its_gradient_on():
    wires = wiring(4, 1)
    coefficients, stages, inputs = arguments(wires, 4, 2, (4, 4), torch.float64)
    wires = wires.on(inputs[0], True)
    start = torch.randn(2, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    alone = native_chains(wires, coefficients, stages, inputs, [None, None]).outputs
    total = start * 3
    found = native_chains(wires, coefficients, stages, inputs, [None, total]).outputs
    assert found[1] is total
    torch.testing.assert_close(found[0], alone[0], rtol=0, atol=0)
    torch.testing.assert_close(found[1], alone[1] + 3 * start, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(found[1].sum(), start)
    assert torch.equal(gradient, torch.full_like(start, 3.0))


@pytest.mark.parametrize("frozen", ["weights", "weights and inputs", "coefficients"])
def test_only_what_is_asked_for(frozen):
    wires = wiring(8, 1)
    coefficients, stages, inputs = arguments(wires, 8, 2, (4, 4), torch.float64)
    _, (want, _) = both(wires, coefficients, stages, inputs)
    of = leaves(coefficients, stages, inputs)
    wanted = dict(zip(map(id, of), gradients(want, of), strict=True))
    weights = [t for stage in stages for t in stage[:4]]
    for tensor in {
        "weights": weights,
        "weights and inputs": weights + inputs,
        "coefficients": [coefficients],
    }[frozen]:
        tensor.requires_grad_(False)
    (outputs, _), _ = both(wires, coefficients, stages, inputs)
    left = [tensor for tensor in of if tensor.requires_grad]
    assert_close([wanted[id(tensor)] for tensor in left], gradients(outputs, left), 1e-10)


def test_the_number_of_threads_changes_no_bit():
    wires = wiring(16, 1)
    given = arguments(wires, 16, 5, (8, 8), torch.float32)
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            (outputs, _), _ = both(wires, *given)
            found.append([*outputs, *gradients(outputs, leaves(*given))])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_nan_goes_through():
    wires = wiring(8, 1)
    coefficients, stages, inputs = arguments(wires, 8, 2, (4, 4), torch.float64)
    with torch.no_grad():
        inputs[0][0, 0, 0, 0] = torch.nan
    (outputs, _), _ = both(wires, coefficients, stages, inputs)
    assert outputs[0].isnan().any()
