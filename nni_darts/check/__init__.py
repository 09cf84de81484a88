"""Numeric self-check against reference fixtures: ``python -m nni_darts.check DIR``."""

from __future__ import annotations

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker, find_fixtures, run_checks

__all__ = ["Comparison", "Fixture", "checker", "close", "exact", "find_fixtures", "run_checks"]
