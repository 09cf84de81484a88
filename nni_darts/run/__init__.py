"""A run: one stage of one task on disk."""

from __future__ import annotations

from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter, Reporter

__all__ = ["NullReporter", "Reporter", "Run"]
