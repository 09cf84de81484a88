"""What remains of an experiment: its winner, a table of its trials, and the numbers over its seeds."""

from __future__ import annotations

from nni_darts.export.experiment import export_experiment

__all__ = ["export_experiment"]
