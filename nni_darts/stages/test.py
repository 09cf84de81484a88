"""Score the checkpoint of a retraining on the test set again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nni_darts.config.settings import Settings
from nni_darts.data import BatchLoader, DataInfo, load, transforms
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture
from nni_darts.stages.numerics import numerics
from nni_darts.stages.space import build_network
from nni_darts.training.checkpoint import KEY, network_weights, read_checkpoint
from nni_darts.training.device import claim_device
from nni_darts.training.evaluate import evaluate


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
    info = DataInfo.from_dict(json.loads(written["data"]))
    data = load(settings.data)
    for field in ("num_classes", "channels", "size"):
        if getattr(data.info, field) != getattr(info, field):
            raise ConfigError(
                f"data: the network was trained for {field} {getattr(info, field)}, "
                f"these data have {getattr(data.info, field)}."
            )
    stage = settings.retrain if written["stage"] == "retrain" else settings.select
    network = build_network(settings, dict(stage.network), architecture, info)
    network.load_state_dict(network_weights(content))
    trainer = settings.trainer
    with (
        claim_device(trainer.device, trainer.trials_per_gpu) as device,
        numerics(trainer.tf32, trainer.cudnn_benchmark),
    ):
        plain = transforms(settings.data, info).evaluate
        loader = BatchLoader(data.test.to(device), stage.batch_size, plain, shuffle=False)
        tested = {f"test_{name}": value for name, value in evaluate(network, loader, device).items()}
    return {"default": tested["test_accuracy"], **tested, "architecture": architecture.to_json()}
