"""What a stage asks of the kind of data that it works on: images to classify, or text to continue."""

from __future__ import annotations

from typing import Any, Protocol

from nni.nas.evaluator.pytorch import LightningModule
from torch import nn

from nni_darts.config.search import Search
from nni_darts.config.settings import Settings
from nni_darts.config.training import Training
from nni_darts.data.load import Info


class Task(Protocol):
    """Data in batches, and what is learnt from them; made once a stage.

    Attributes
    ----------
    info
        What a network needs to know of the data.
    record
        JSON values that tell how the data were made, for a run's directory.
    """

    @property
    def info(self) -> Info: ...

    @property
    def record(self) -> dict[str, Any]: ...

    @staticmethod
    def search_module(search: Search) -> LightningModule:
        """The loss, the optimiser and the metrics of a search, without its network."""

    def search_loaders(self, device: str, seed: int) -> tuple[Any, Any, Any]:
        """Batches for the weights, for the architecture, and to validate the supernet on."""

    @staticmethod
    def training_module(stage: Training) -> LightningModule:
        """The loss, the optimiser and the metrics of training a discrete network, without it."""

    def training_loaders(self, stage: Training, device: str, seed: int, select: bool) -> tuple[Any, Any]:
        """Batches to train on and to validate on, or None; ``select`` holds the validation part out."""

    def test(self, network: nn.Module, stage: Training, device: str, trained_on: Any) -> dict[str, float]:
        """``test_*`` numbers of a trained network: the one reader of the test set."""


def task_of(settings: Settings) -> type[Any]:
    """The class of the task that the settings' data belong to; made from settings."""
    if settings.data.is_text:
        from nni_darts.stages.texts import TextTask

        return TextTask
    from nni_darts.stages.images import ImageTask

    return ImageTask
