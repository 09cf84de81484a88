"""How many kernels our step would launch on a GPU: a bound, so that it cannot grow unnoticed."""

from __future__ import annotations

import pytest

from benchmarks.harness.case import Case
from benchmarks.harness.counted import count_shapes

THREE_CELLS = Case(channels=4, layers=3, nodes=2, batch=2, image_size=8)

BOUNDS = {1: 1900, 2: 4950}
"""A few percent above what was counted for three cells."""


@pytest.mark.parametrize("order", [1, 2])
def test_kernels_of_a_fused_step_are_bounded(order):
    assert 0 < count_shapes(THREE_CELLS, order, "fused").kernels < BOUNDS[order]


def test_kernels_do_not_depend_on_the_batch_and_arithmetic_is_proportional_to_it():
    small, large = (count_shapes(THREE_CELLS.but(layers=1, batch=batch), 1, "generic") for batch in (2, 4))
    assert (small.operations, small.kernels, small.by_name) == (
        large.operations,
        large.kernels,
        large.by_name,
    )
    assert 1.99 < large.flops / small.flops <= 2
