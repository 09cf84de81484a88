"""Image classification: the images of a data set in augmented batches."""

from __future__ import annotations

from typing import Any

import torch
from nni.nas.evaluator.pytorch import LightningModule
from torch import nn

from nni_darts.config.search import Search
from nni_darts.config.settings import Settings
from nni_darts.config.training import Training
from nni_darts.data import BatchLoader, DataInfo, Images, load, split, transforms
from nni_darts.training.classifier import Classifier
from nni_darts.training.evaluate import evaluate


class ImageTask:
    """A stratified half of the training images for the weights, the other for the architecture.

    Raises
    ------
    ConfigError
        Data that are missing or no images.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = load(settings.data)

    @property
    def info(self) -> DataInfo:
        """Classes, channels, size and normalisation."""
        return self.data.info

    @property
    def record(self) -> dict[str, Any]:
        """How the set was made."""
        return self.data.record

    @staticmethod
    def search_module(search: Search) -> LightningModule:
        """Cross-entropy of the supernet."""
        return Classifier.from_settings(search)

    def search_loaders(self, device: str, seed: int) -> tuple[BatchLoader, BatchLoader, BatchLoader]:
        """Augmented for both levels, as the official search draws them, and plain ones to validate on.

        Cutout regularises the weights, so only their batches have it.
        """
        search = self.settings.search
        weight_images, alpha_images = self.halves(device)
        augment, plain = transforms(self.settings.data, self.info)
        size, ramp = search.batch_size, search.epochs if search.cutout_schedule == "linear" else None
        cut = transforms(self.settings.data, self.info, search.cutout_length, ramp).train
        return (
            BatchLoader(weight_images, size, cut, shuffle=True, seed=seed),
            # Its own seed: equal halves would otherwise be drawn in the same order.
            BatchLoader(alpha_images, size, augment, shuffle=True, seed=seed + 2**32),
            BatchLoader(alpha_images, size, plain, shuffle=False, mixed=True),
        )

    @staticmethod
    def training_module(stage: Training) -> LightningModule:
        """Cross-entropy of a discrete network."""
        return Classifier.from_settings(stage)

    def training_loaders(
        self, stage: Training, device: str, seed: int, select: bool
    ) -> tuple[BatchLoader, BatchLoader | None]:
        """Half against half in a selection; in a retraining all images, and none to validate on."""
        train, valid = self.halves(device) if select else (self.served(self.data.train, device), None)
        augment, plain = transforms(self.settings.data, self.info, stage.cutout_length)
        size = stage.batch_size
        return (
            BatchLoader(train, size, augment, shuffle=True, seed=seed),
            None if valid is None else BatchLoader(valid, size, plain, shuffle=False),
        )

    def test(
        self, network: nn.Module, stage: Training, device: str, trained_on: DataInfo
    ) -> dict[str, float]:
        """Accuracies and loss on the test images, normalised as those that the network was trained on."""
        plain = transforms(self.settings.data, trained_on).evaluate
        loader = BatchLoader(self.served(self.data.test, device), stage.batch_size, plain, shuffle=False)
        return {f"test_{name}": value for name, value in evaluate(network, loader, device).items()}

    def halves(self, device: str) -> tuple[Images, Images]:
        """The training images for the weights and those held out (architecture, selection), placed."""
        whole, resident = self.data.train, self._resident(self.data.train, device)
        first, second = split(whole.labels, self.settings.data.train_portion, self.settings.data.split_seed)
        return whole.subset(first).to(device, resident), whole.subset(second).to(device, resident)

    def served(self, images: Images, device: str) -> Images:
        """The images for batches on the device; they lie there too where the settings and memory allow."""
        return images.to(device, self._resident(images, device))

    def _resident(self, images: Images, device: str) -> bool | None:
        wish = self.settings.trainer.data_on_device
        if device == "cpu":
            return None
        if wish != "auto":
            return wish == "true"
        free, _ = torch.cuda.mem_get_info(device)
        return images.images.nbytes <= free // 4
