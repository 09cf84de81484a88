"""The retraining stage: the full recipe on all training data, then the test set, once."""

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


def run_retrain(
    settings: Settings, seed: int, architecture: Architecture, run: Run, reporter: Reporter
) -> dict[str, Any]:
    """Train ``architecture`` with one seed and test the weights that the training kept.

    Returns
    -------
    Finite numbers with ``default`` (test accuracy in percent, or minus the perplexity) first, and
    ``architecture``.
    """
    with prepared(settings, seed, run) as context:
        stage = settings.retrain
        network, metrics = train_architecture(context, stage, "retrain", architecture, reporter)
        tested = context.task.test(network, stage, context.device, context.task.info)
        result = ranked({**tested, **metrics}, "test")
        run.write_summary({"status": "done", "task": run.task, **result})
        draw_run(run)
        return {**result, "architecture": architecture.to_json()}
