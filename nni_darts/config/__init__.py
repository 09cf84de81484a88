"""Settings and experiment files: read, checked as a whole, and written back. No torch in here."""

from __future__ import annotations

from nni_darts.config.points import apply_point, expand, seed_of
from nni_darts.config.settings import Settings

__all__ = ["Settings", "apply_point", "expand", "seed_of"]
