"""Matplotlib figures without pyplot's global state, saved to the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from nni_darts.errors import ConfigError, RunError
from nni_darts.run.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
# Dates and program names differ between two drawings of the same thing.
_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# Text stays text in SVG, a fixed salt keeps its element names, and the font is one matplotlib carries.
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "nni-darts", "font.family": "DejaVu Sans"}


class MissingMatplotlib(RunError):
    """The extra ``plot`` is not installed."""


P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` with our style over matplotlib's defaults, whatever the user's settings are.

    Where matplotlib is missing, the call raises a RunError that names the extra.
    """

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            from matplotlib import style
        except ImportError:
            raise MissingMatplotlib('drawing needs matplotlib: pip install "nni-darts[plot]".') from None
        with style.context(["default", _STYLE]):
            return function(*args, **kwargs)

    return inside


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


@styled
def save(figure: Figure, folder: Path, name: str, formats: Sequence[str], dpi: int) -> list[Path]:
    """Write ``folder/name.svg`` and so on, each atomically, and return the paths."""
    unknown = [suffix for suffix in formats if suffix not in FORMATS]
    if unknown:
        raise ConfigError(f"format: {unknown[0]!r} is unknown; drawings are written as {', '.join(FORMATS)}.")
    paths = []
    for suffix in formats:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=dpi, metadata=_METADATA[suffix])
        paths.append(write_bytes(folder / f"{name}.{suffix}", buffer.getvalue()))
    return paths
