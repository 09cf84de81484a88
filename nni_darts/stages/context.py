"""What every stage needs before it starts: the data, a device, and what to write beside a checkpoint."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from pytorch_lightning import seed_everything
from torch import nn

from nni_darts.config.settings import Settings
from nni_darts.errors import ConfigError
from nni_darts.run.directory import Run
from nni_darts.run.files import write_json
from nni_darts.stages.numerics import numerics
from nni_darts.stages.task import Task, task_of
from nni_darts.training.device import claim_device

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """A prepared stage; ``device`` is ``cpu`` or ``cuda:N``."""

    settings: Settings
    seed: int
    run: Run
    task: Task
    device: str

    def placed(self, network: nn.Module) -> nn.Module:
        """The network with its weights in the layout that this device convolves fastest."""
        # oneDNN: pooling and depthwise convolutions take two to four times as long in NCHW, and the kernels
        # of the fused supernet read this order. On a GPU tensor cores want it.
        if self.settings.trainer.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def metadata(self, stage: str, **more: str) -> dict[str, str]:
        """What a checkpoint tells of itself, so that it can be used without its run directory."""
        return {
            "stage": stage,
            "seed": str(self.seed),
            "space": self.settings.space.name,
            "settings": json.dumps(self.settings.to_dict()),
            "data": json.dumps(self.task.info.to_dict()),
            **more,
        }


@contextmanager
def prepared(settings: Settings, seed: int, run: Run) -> Iterator[Context]:
    """Load the data, claim the device, seed everything, and write what the run is.

    Where the input turns out to be wrong before anything was computed, nothing stays on disk.
    """
    trainer = settings.trainer
    try:
        task = task_of(settings)(settings)
        with (
            claim_device(trainer.device, trainer.trials_per_gpu) as device,
            numerics(trainer.tf32, trainer.cudnn_benchmark, trainer.threads),
        ):
            logger.info("computing on %s, with %d thread(s) of the CPU", device, torch.get_num_threads())
            seed_everything(seed, verbose=False)
            run.write_environment(device, seed)
            write_json(run.path / "data.json", task.record)
            yield Context(settings, seed, run, task, device)
    except ConfigError:
        run.withdraw()
        raise
