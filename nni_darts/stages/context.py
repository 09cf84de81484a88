"""What every stage needs before it starts: the data, a device, and what to write beside a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from pytorch_lightning import seed_everything
from torch import nn

from nni_darts.config.settings import Settings
from nni_darts.data import Dataset, Images, load, split
from nni_darts.errors import ConfigError
from nni_darts.run.directory import Run
from nni_darts.run.files import write_json
from nni_darts.training.device import claim_device


@dataclass(frozen=True)
class Context:
    """A prepared stage; ``device`` is ``cpu`` or ``cuda:N``."""

    settings: Settings
    seed: int
    run: Run
    data: Dataset
    device: str

    def halves(self) -> tuple[Images, Images]:
        """The training images for the weights and those held out (architecture, selection), on the device."""
        labels = self.data.train.labels
        first, second = split(labels, self.settings.data.train_portion, self.settings.data.split_seed)
        return self.data.train.subset(first).to(self.device), self.data.train.subset(second).to(self.device)

    def placed(self, network: nn.Module) -> nn.Module:
        """The network with its weights in the layout that this device convolves fastest."""
        # oneDNN: pooling and depthwise convolutions take two to four times as long in NCHW.
        if self.device == "cpu":
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def metadata(self, stage: str, **more: str) -> dict[str, str]:
        """What a checkpoint tells of itself, so that it can be used without its run directory."""
        return {
            "stage": stage,
            "seed": str(self.seed),
            "space": self.settings.space.name,
            "settings": json.dumps(self.settings.to_dict()),
            "data": json.dumps(self.data.info.to_dict()),
            **more,
        }


@contextmanager
def prepared(settings: Settings, seed: int, run: Run) -> Iterator[Context]:
    """Load the data, claim the device, seed everything, and write what the run is.

    Where the input turns out to be wrong before anything was computed, nothing stays on disk.
    """
    threads = torch.get_num_threads()
    try:
        data = load(settings.data)
        with claim_device(settings.trainer.device, settings.trainer.trials_per_gpu) as device:
            if settings.trainer.threads is not None:
                torch.set_num_threads(settings.trainer.threads)
            seed_everything(seed, verbose=False)
            run.write_environment(device, seed)
            write_json(run.path / "data.json", data.record)
            yield Context(settings, seed, run, data, device)
    except ConfigError:
        run.withdraw()
        raise
    finally:
        torch.set_num_threads(threads)
