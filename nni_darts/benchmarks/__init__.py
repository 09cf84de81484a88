"""Published tables of how every architecture of a space does, to look up instead of training."""

from __future__ import annotations

from nni_darts.benchmarks.nasbench201 import NasBench201

__all__ = ["NasBench201"]
