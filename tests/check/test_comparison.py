"""The error measure."""

from __future__ import annotations

import math

import pytest
import torch

from nni_darts.check import close, exact


def test_error_is_relative_to_the_largest_entry() -> None:
    comparison = close("x", torch.tensor([1.0, 8.5]), torch.tensor([1.5, 10.0]))
    assert comparison.error == pytest.approx(0.15)
    assert not comparison.passed
    assert close("x", torch.tensor([1.0, 8.5]), torch.tensor([1.5, 10.0]), tolerance=0.15001).passed


def test_zeros_are_compared_absolutely() -> None:
    assert close("x", torch.tensor([1e-12]), torch.zeros(1)).passed
    assert not close("x", torch.tensor([1e-6]), torch.zeros(1)).passed


@pytest.mark.parametrize("got", [torch.zeros(2), torch.full((1,), math.nan), torch.full((1,), math.inf)])
def test_wrong_shapes_and_non_numbers_fail(got: torch.Tensor) -> None:
    assert not close("x", got, torch.zeros(1)).passed


def test_exact_counts_differing_entries() -> None:
    assert exact("x", [1, 2], [1, 2]).passed
    assert exact("x", [1, 3], [1, 2]).error == 1
    assert exact("x", [1], [1, 2]).error == 1
