"""Every stored fixture, quantity by quantity: the same check that ``python -m nni_darts.check`` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.check import find_fixtures, run_checks

FOLDER = Path(__file__).parents[1] / "fixtures"
KINDS = {path.name: kind for path, kind in find_fixtures(FOLDER)}


@pytest.mark.parametrize("supernet", ["fused", "generic"])
@pytest.mark.parametrize("name", KINDS)
def test_every_quantity_is_within_its_tolerance(name: str, supernet: str) -> None:
    comparisons = list(run_checks(FOLDER / name, KINDS[name], supernet))
    assert comparisons
    assert [(item.name, item.error) for item in comparisons if not item.passed] == []
