"""Exponents of quantities that are powers, and of one that is not."""

from __future__ import annotations

import pytest

from benchmarks.harness.axis import AXES, OPERATIONS
from benchmarks.harness.case import Case
from benchmarks.harness.exponent import Exponent
from search_spaces.operations import PRIMITIVES


def test_a_power_has_its_exponent_everywhere():
    found = Exponent.fit([2, 4, 16], [3 * size**1.5 for size in (2, 4, 16)])
    assert [found.fitted, found.smallest, found.largest] == pytest.approx([1.5] * 3)


def test_a_fixed_cost_shows_as_a_range():
    """1 + x at 1, 3, 7: ratios 2 and 2 over steps of log 3 and log 7/3."""
    found = Exponent.fit([1, 3, 7], [2, 4, 8])
    assert found.smallest == pytest.approx(0.6309297536)
    assert found.largest == pytest.approx(0.8180678991)
    assert found.smallest < found.fitted < found.largest
    assert str(found) == "0.71 (0.63 to 0.82)"


def test_every_axis_changes_its_size_alone():
    for axis in AXES.values():
        for value, case in zip(axis.values, axis.cases(Case()), strict=True):
            if axis.name == "operations":
                assert case == Case().but(primitives=OPERATIONS[:value])
            else:
                assert case == Case().but(**{axis.name: value})
    assert sorted(OPERATIONS) == sorted(PRIMITIVES)
