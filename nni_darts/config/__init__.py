"""Settings and experiment files: read, checked as a whole, and written back. No torch in here."""

from __future__ import annotations

from nni_darts.config.experiment import Experiment, read_experiment, validate
from nni_darts.config.points import apply_point, expand, seed_of
from nni_darts.config.settings import Settings

__all__ = ["Experiment", "Settings", "apply_point", "expand", "read_experiment", "seed_of", "validate"]
