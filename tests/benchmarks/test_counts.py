"""Counts of a few operations, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.harness.counts import Counts, count

FLOAT = 4


def test_a_grouped_convolution_with_its_backward():
    """x [2, 4, 6, 6], filter [8, 2, 3, 3] in two groups -> y [2, 8, 4, 4]."""
    x, weight = torch.randn(2, 4, 6, 6, requires_grad=True), torch.randn(8, 2, 3, 3, requires_grad=True)
    y = functional.conv2d(x, weight, groups=2)
    gradient = torch.randn_like(y)
    each = 2 * (2 * 8 * 4 * 4) * (2 * 3 * 3)
    forward = count(lambda: functional.conv2d(x, weight, groups=2))
    assert (forward.operations, forward.kernels, forward.flops) == (1, 1, each)
    assert forward.bytes == FLOAT * (2 * 4 * 36 + 8 * 18 + 2 * 8 * 16)
    both = count(lambda: torch.autograd.grad(y, (x, weight), gradient, retain_graph=True))
    assert (both.operations, both.kernels, both.flops) == (1, 2, 2 * each)
    weight_only = count(lambda: torch.autograd.grad(y, weight, gradient, retain_graph=True))
    assert (weight_only.operations, weight_only.kernels, weight_only.flops) == (1, 1, each)


def test_a_batch_norm_is_three_kernels_and_two_backward():
    norm = nn.BatchNorm2d(4, affine=False)
    x = torch.randn(2, 4, 3, 3, requires_grad=True)
    counts = count(lambda: norm(x).backward(x.detach()))
    # num_batches_tracked += 1 is the remaining one.
    assert counts.by_name == {"native_batch_norm": 1, "native_batch_norm_backward": 1, "add_": 1}
    assert (counts.operations, counts.kernels) == (3, 3 + 2 + 1)


@pytest.mark.parametrize(("tensors", "kernels"), [(60, 1), (61, 2)])
def test_a_list_of_tensors_is_one_kernel_for_sixty(tensors, kernels):
    values = [torch.zeros(2) for _ in range(tensors)]
    counts = count(lambda: torch._foreach_add_(values, 1.0))
    assert (counts.operations, counts.kernels) == (1, kernels)
    # Read and written.
    assert counts.bytes == 2 * tensors * 2 * FLOAT


def test_views_and_allocations_are_free():
    x = torch.randn(4, 6)
    assert (
        count(lambda: (x.view(2, 12).t()[0:1].unsqueeze(0), torch.empty(3), torch.empty_like(x))) == Counts()
    )


def test_an_expanded_tensor_is_read_from_where_it_lies():
    row, table = torch.randn(1, 8), torch.randn(4, 8)
    counts = count(lambda: row.expand(4, 8) + table)
    assert counts.bytes == FLOAT * (8 + 32 + 32)


def test_products_of_matrices():
    a, b, c = torch.randn(3, 4), torch.randn(4, 5), torch.randn(5)
    assert count(lambda: a @ b).flops == 2 * 3 * 4 * 5
    assert count(lambda: torch.addmm(c, a, b)).flops == 2 * 3 * 4 * 5
    assert count(lambda: torch.bmm(a.expand(7, 3, 4), b.expand(7, 4, 5))).flops == 7 * 2 * 3 * 4 * 5


def test_optimisers_take_lists_at_once_while_counting_and_only_then():
    """SGD with momentum and decay over three tensors: decay, momentum, its gradient, the step."""
    parameters = [nn.Parameter(torch.randn(2)) for _ in range(3)]
    optimizer = torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=0.1)
    for parameter in parameters:
        parameter.grad = torch.ones(2)
    optimizer.step()
    counts = count(optimizer.step)
    assert counts.by_name == {"_foreach_add": 1, "_foreach_mul_": 1, "_foreach_add_": 2}
    assert optimizer.param_groups[0]["foreach"] is None


def test_the_same_step_counts_the_same():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(2))
    x = torch.randn(2, 3, 8, 8)
    net(x)

    def step() -> None:
        net.zero_grad()
        net(x).sum().backward()

    assert count(step) == count(step)
