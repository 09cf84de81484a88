"""How much memory a search step takes: estimated before it runs, and measured."""

from nni_darts.memory.estimate import Estimate, estimate_step
from nni_darts.memory.high_water import HighWater, high_water
from nni_darts.memory.report import MemoryReport

__all__ = ["Estimate", "HighWater", "MemoryReport", "estimate_step", "high_water"]
