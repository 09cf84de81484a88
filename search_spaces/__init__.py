"""Search spaces written with NNI's mutables: an installed package of its own beside ``nni_darts``."""

from __future__ import annotations

from search_spaces.darts import DartsSpace
from search_spaces.discrete import DiscreteNetwork

__all__ = ["DartsSpace", "DiscreteNetwork"]
