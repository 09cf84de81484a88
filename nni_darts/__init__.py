"""Differentiable architecture search as a plugin for NNI 3.0.

``nni_darts.DARTS`` is the strategy; everything heavy is imported on first use, because NNI gives its
tuner process, which imports this package too, ten seconds to start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nni_darts.version import __version__

if TYPE_CHECKING:
    from nni_darts.darts import DARTS as DARTS
    from nni_darts.diagnostics import Diagnostics as Diagnostics
    from nni_darts.genotype import Genotype as Genotype
    from nni_darts.strategy import DifferentiableStrategy as DifferentiableStrategy

_LAZY = {
    "DARTS": "nni_darts.darts",
    "Diagnostics": "nni_darts.diagnostics",
    "DifferentiableStrategy": "nni_darts.strategy",
    "Genotype": "nni_darts.genotype",
}

__all__ = ["DARTS", "Diagnostics", "DifferentiableStrategy", "Genotype", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'nni_darts' has no attribute {name!r}")
