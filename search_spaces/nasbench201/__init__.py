"""The space of NAS-Bench-201, whose every network its authors trained."""

from __future__ import annotations

from search_spaces.nasbench201.space import BenchmarkNetwork, NasBench201Space

__all__ = ["BenchmarkNetwork", "NasBench201Space"]
