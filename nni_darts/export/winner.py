"""The architecture that an experiment ends with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from nni_darts.errors import ConfigError
from nni_darts.export.outcome import Outcome, results
from nni_darts.genotype import Architecture

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Winner:
    """The architecture, and the task whose validation accuracy chose it; None where it was given."""

    architecture: Architecture
    task: str | None
    index: int | None


def winner_of(found: Sequence[Outcome], stages: Sequence[str]) -> Winner | None:
    """The best of the last stage that judges on validation data; None while there is nothing to judge.

    ``stages`` are those of the experiment. Where selection has no result yet, the best search stands in.
    The earlier task wins a tie. Retraining has seen the test set, so it has no say; its architecture is
    only taken where there was no search.
    """
    for stage in ("select", "search"):
        judged = results(found, stage)
        if judged:
            if stage == "search" and "select" in stages:
                logger.warning("Selection has no result yet: the best search is taken as the winner.")
            best = max(judged, key=lambda outcome: outcome.metrics["default"])
            return Winner(_architecture(best), best.task, best.index)
    retrained = results(found, "retrain")
    return Winner(_architecture(retrained[0]), None, None) if retrained else None


def _architecture(outcome: Outcome) -> Architecture:
    try:
        return Architecture.from_dict(outcome.architecture)
    except ConfigError as error:
        where = f"trial {outcome.trial.id} ({outcome.task})"
        raise ConfigError(*(f"{where}: {problem}" for problem in error.problems)) from None
