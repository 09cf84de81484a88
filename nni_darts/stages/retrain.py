"""The retraining stage: the full recipe on all training images, then the test set, once."""

from __future__ import annotations

from typing import Any

from nni_darts.config.settings import Settings
from nni_darts.data import BatchLoader, transforms
from nni_darts.draw.run import draw_run
from nni_darts.genotype import Architecture
from nni_darts.run.directory import Run
from nni_darts.run.reporter import Reporter
from nni_darts.stages.context import prepared
from nni_darts.stages.training import train_architecture
from nni_darts.training.evaluate import evaluate


def run_retrain(
    settings: Settings, seed: int, architecture: Architecture, run: Run, reporter: Reporter
) -> dict[str, Any]:
    """Train ``architecture`` with one seed and test the last epoch's weights.

    Returns
    -------
    Finite numbers with ``default`` (test accuracy in percent) first, and ``architecture``.
    """
    with prepared(settings, seed, run) as context:
        stage = settings.retrain
        images = context.served(context.data.train)
        network, metrics = train_architecture(context, stage, "retrain", architecture, images, None, reporter)
        test = context.served(context.data.test)
        plain = transforms(settings.data, context.data.info).evaluate
        loader = BatchLoader(test, stage.batch_size, plain, shuffle=False)
        tested = {f"test_{name}": value for name, value in evaluate(network, loader, context.device).items()}
        result = {"default": tested["test_accuracy"], **tested, **metrics}
        run.write_summary({"status": "done", "task": run.task, **result})
        draw_run(run)
        return {**result, "architecture": architecture.to_json()}
