"""Pools, their BatchNorms and the mixture by kernels against PyTorch's operators."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from nni_darts.supernet.fused.native.pools import AVERAGE, MAXIMUM, SAME, Features, mix_pools, plain_pools

pytestmark = pytest.mark.usefixtures("needs_kernels")


def given(features, channels, batch, size, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(3, len(features.kinds), generator=generator, dtype=torch.float64)
    x = torch.randn(batch, *size, channels, generator=generator, dtype=torch.float64)
    return weights.to(dtype).requires_grad_(), (x + 1).to(dtype).requires_grad_()


@pytest.mark.parametrize(
    "features",
    [
        Features((SAME, MAXIMUM, AVERAGE), (None, 1e-5, 1e-5), 1),
        Features((AVERAGE, SAME), (None, None), 1),
        Features((MAXIMUM, AVERAGE), (0.1, 1e-5), 2),
        Features((MAXIMUM,), (None,), 2),
    ],
)
@pytest.mark.parametrize(
    ("channels", "batch", "size"), [(1, 2, (5, 4)), (6, 3, (4, 7)), (16, 18, (2, 3)), (8, 2, (8, 8))]
)
def test_outputs_and_gradients(features, channels, batch, size):
    weights, x = given(features, channels, batch, size)
    found, want = mix_pools(features, weights, x, [None] * 3).outputs, plain_pools(features, weights, x)
    direction = torch.linspace(-1, 1, found[0].numel(), dtype=x.dtype).cos().view_as(found[0])
    scale = (1.0, -0.5, 2.0)
    results = []
    for outputs in (found, want):
        loss = sum(s * (y * direction).sum() for s, y in zip(scale, outputs, strict=True))
        results.append([*outputs, *torch.autograd.grad(loss, (weights, x))])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_statistics_are_those_of_the_normalised_features():
    features = Features((SAME, MAXIMUM, AVERAGE), (None, 1e-5, 1e-5), 1)
    weights, x = given(features, 4, 2, (5, 5))
    mixed = mix_pools(features, weights, x, [None] * 3)
    pooled = torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 3, 1, 1)
    torch.testing.assert_close(mixed.mean[1], pooled.mean((0, 2, 3)))
    torch.testing.assert_close(mixed.variance[1], pooled.var((0, 2, 3), correction=0))


def test_the_first_of_equal_maxima_gets_the_gradient():
    x = torch.zeros(1, 3, 3, 1, dtype=torch.float64, requires_grad=True)
    features = Features((MAXIMUM,), (None,), 1)
    weights = torch.ones(1, 1, dtype=torch.float64)
    found = [
        torch.autograd.grad(outputs[0].sum(), x)[0]
        for outputs in (mix_pools(features, weights, x, [None]).outputs, plain_pools(features, weights, x))
    ]
    assert torch.equal(*found)


def test_gradients_of_both_orders_against_differences():
    features = Features((SAME, AVERAGE, MAXIMUM), (None, 0.1, 0.1), 1)
    weights, x = given(features, 2, 2, (3, 3))

    def run(weights, x):
        return mix_pools(features, weights, x, [None] * 3).outputs

    assert gradcheck(run, (weights, x))
    assert gradgradcheck(run, (weights, x))


def test_a_total_is_added_to_and_passes_its_gradient_on():
    features = Features((SAME, MAXIMUM), (None, 1e-5), 1)
    weights, x = given(features, 2, 2, (3, 3))
    start = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    total = start * 2
    alone = mix_pools(features, weights, x, [None] * 3).outputs
    found = mix_pools(features, weights, x, [None, total, None]).outputs
    torch.testing.assert_close(found[1], alone[1] + 2 * start, rtol=1e-12, atol=1e-12)
    gradients = torch.autograd.grad(found[1].sum(), (start, x))
    assert torch.equal(gradients[0], torch.full_like(start, 2.0))
    torch.testing.assert_close(gradients[1], torch.autograd.grad(alone[1].sum(), x)[0])


@pytest.mark.parametrize("where", [(0, 0), (1, 1)])
def test_nan_goes_through_a_maximum(where):
    x = torch.randn(1, 3, 3, 1, dtype=torch.float64)
    x[0, where[0], where[1], 0] = torch.nan
    features = Features((MAXIMUM,), (None,), 1)
    weights = torch.ones(1, 1, dtype=torch.float64)
    want = plain_pools(features, weights, x)[0].isnan()
    assert torch.equal(mix_pools(features, weights, x, [None]).outputs[0].isnan(), want)
