"""Moments and their gradients, and a BatchNorm folded into the map before it."""

from __future__ import annotations

import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from nni_darts.supernet.fused.normalise import batch_statistics, moments, normalised


def test_moments_and_their_gradients_of_both_orders():
    torch.manual_seed(0)
    z = torch.randn(3, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    mean, covariance = moments(z)
    torch.testing.assert_close(mean, z.mean((0, 3)))
    for k in range(2):
        torch.testing.assert_close(covariance[k], torch.cov(z[:, k].transpose(0, 1).flatten(1), correction=0))
    assert gradcheck(moments, (z,))
    assert gradgradcheck(moments, (z,))


def test_the_folded_map_is_the_map_and_its_batch_norm():
    torch.manual_seed(0)
    z = torch.randn(10, 2, 3, 5, dtype=torch.float64) + 4
    filters = torch.randn(2, 5, 3, dtype=torch.float64)
    weight, bias = torch.randn(2, 2, 5, dtype=torch.float64).unbind(0)
    folded, shift = normalised(filters, *batch_statistics(filters, *moments(z)), 0.1, weight, bias)
    for k in range(2):
        plain = functional.batch_norm(filters[k] @ z[:, k], None, None, weight[k], bias[k], True, eps=0.1)
        found = folded[k] @ z[:, k] + shift[k].unsqueeze(1)
        torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)


def test_single_precision_stays_close_to_batch_norm_with_a_large_mean():
    """The covariance is a difference: with a mean of ten deviations it must not have eaten the digits."""
    torch.manual_seed(0)
    z = torch.randn(8, 1, 16, 1024) + 10
    filters = torch.randn(1, 16, 16)
    folded, shift = normalised(filters, *batch_statistics(filters, *moments(z)), 1e-5, None, None)
    exact = functional.batch_norm(filters[0].double() @ z[:, 0].double(), None, None, training=True)
    assert (folded[0] @ z[:, 0] + shift[0].unsqueeze(1) - exact).abs().max() < 2e-3
