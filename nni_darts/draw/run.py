"""Every picture of a finished or running run, at once."""

from __future__ import annotations

import logging
from pathlib import Path

from nni_darts.draw.alphas import plot_alphas
from nni_darts.draw.cell import draw_architecture
from nni_darts.draw.curves import plot_curves
from nni_darts.draw.figures import MissingMatplotlib
from nni_darts.genotype import Architecture
from nni_darts.run import Run

logger = logging.getLogger(__name__)


def draw_run(run: Run) -> list[Path]:
    """Draw what the run's files allow: its cells, alphas and curves, into ``figures``.

    Pictures are made after hours of work, so whatever goes wrong with them is a warning, never an error.
    """
    paths: list[Path] = []
    try:
        if (run.path / "genotype.json").exists():
            paths += draw_architecture(Architecture.read(run.path / "genotype.json"), run.figures)
        if (run.path / "mixture.csv").exists():
            paths += plot_alphas(run.path)
        if (run.path / "metrics.csv").exists():
            paths += plot_curves(run.path)
    except MissingMatplotlib as error:
        logger.warning("No pictures: %s", error)
    except Exception:
        logger.warning("The pictures of %s could not all be made.", run.path, exc_info=True)
    return paths
