"""Score the checkpoint of a retraining on the test set again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nni_darts.config.settings import Settings
from nni_darts.data.load import info_from_dict
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture
from nni_darts.run.score import ranked
from nni_darts.stages.numerics import numerics
from nni_darts.stages.space import build_network
from nni_darts.stages.task import task_of
from nni_darts.training.checkpoint import KEY, network_weights, read_checkpoint
from nni_darts.training.device import claim_device
from nni_darts.training.weights import FILE, read_weights


def run_test(checkpoint: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """The number that the retraining printed, from its checkpoint alone.

    Parameters
    ----------
    checkpoint
        Of a select or retrain run.
    overrides
        Data settings that differ here, such as ``root``. Normalisation stays that of the training.

    Raises
    ------
    ConfigError
        Not a checkpoint of a discrete network, or the data have other classes, channels or sizes.
    """
    content = read_checkpoint(checkpoint)
    written = content[KEY]
    if "architecture" not in written:
        raise ConfigError(
            f"checkpoint {checkpoint}: of a search, whose supernet is not the final network; "
            "retrain what it derived, then test that."
        )
    stored = json.loads(written["settings"])
    settings = Settings.from_dict({**stored, "data": {**stored["data"], **overrides}})
    architecture = Architecture.from_json(written["architecture"])
    info = info_from_dict(json.loads(written["data"]))
    task = task_of(settings)(settings)
    task.info.refuse_other(info)
    stage = settings.retrain if written["stage"] == "retrain" else settings.select
    network = build_network(settings, dict(stage.network), architecture, info)
    if (checkpoint.parent / FILE).exists():
        read_weights(network, checkpoint.parent)  # those that were kept: the best, or averages
    else:
        network.load_state_dict(network_weights(content))
    trainer = settings.trainer
    with (
        claim_device(trainer.device, trainer.trials_per_gpu) as device,
        numerics(trainer.tf32, trainer.cudnn_benchmark),
    ):
        tested = task.test(network, stage, device, info)
    return {**ranked(tested, "test"), "architecture": architecture.to_json()}
