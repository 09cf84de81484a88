"""The selection stage: train a derived architecture briefly, score it on validation data only."""

from __future__ import annotations

from typing import Any

from nni_darts.config.settings import Settings
from nni_darts.draw.run import draw_run
from nni_darts.genotype import Architecture
from nni_darts.run.directory import Run
from nni_darts.run.reporter import Reporter
from nni_darts.run.score import ranked
from nni_darts.stages.context import prepared
from nni_darts.stages.training import train_architecture


def run_select(
    settings: Settings, seed: int, architecture: Architecture, run: Run, reporter: Reporter
) -> dict[str, Any]:
    """Train on the half that trained the weights, score on the half that trained the architecture.

    Returns
    -------
    Finite numbers with ``default`` (validation accuracy in percent after the last epoch, or minus the
    perplexity) first, and ``architecture``.
    """
    with prepared(settings, seed, run) as context:
        _, metrics = train_architecture(context, settings.select, "select", architecture, reporter)
        result = ranked(metrics, "valid")
        run.write_summary({"status": "done", "task": run.task, **result})
        draw_run(run)
        return {**result, "architecture": architecture.to_json()}
