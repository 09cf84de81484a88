"""Where a run's numbers go besides its own files: the NNI manager, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Reporter(Protocol):
    """What a stage calls; an implementation never raises because its receiver went away."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """Report one epoch's finite numbers."""

    def final(self, result: Mapping[str, Any]) -> None:
        """Report the run's one result."""


class NullReporter:
    """Reports to nobody: the run's files are all that a run without a manager needs."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """Drop the row."""

    def final(self, result: Mapping[str, Any]) -> None:
        """Drop the result."""
