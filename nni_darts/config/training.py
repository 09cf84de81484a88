"""Settings of training a discrete network from scratch: briefly to select, in full to report."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nni_darts.config.section import Count, Index, NotNegative, Positive, Probability, Section, Seed
from nni_darts.config.text import TrainingText


class Training(Section):
    """What both stages have; values are those of cnn/train.py with --auxiliary --cutout."""

    epochs: Count
    network: dict[str, Any] = Field(
        default_factory=dict, description="arguments of the space that differ in the discrete network"
    )
    batch_size: Count = 96
    lr: Positive = 0.025
    lr_min: NotNegative = 0.0
    momentum: Probability = 0.9
    nesterov: bool = Field(default=False, description="the momentum is Nesterov's: a step looks ahead by it")
    weight_decay: NotNegative = 3e-4
    grad_clip: Positive | None = 5.0
    drop_path_prob: Probability = Field(default=0.2, description="reached linearly over the epochs")
    cutout_length: Index = Field(default=16, description="pixels of the erased square's side; 0: off")
    auxiliary_weight: NotNegative = 0.4
    label_smoothing: Probability = Field(default=0.0, description="0.1 in train_imagenet.py")
    schedule: Literal["cosine", "exponential"] = "cosine"
    gamma: Positive = Field(
        default=0.97, description="factor per epoch of the exponential schedule (train_imagenet.py)"
    )
    text: TrainingText | None = Field(default=None, description="only where the data are texts")


CIFAR_SIZE = 32
"""Side in pixels of the images that cutout 16 and the auxiliary head of train.py are made for."""


def training_defaults(size: int | None, augmentation: str) -> dict[str, Any]:
    """What small images need instead: the same share of their side erased; ImageNet's have nothing erased."""
    if augmentation == "imagenet":
        return {"cutout_length": 0}
    return {"cutout_length": size // 2} if size is not None and size < CIFAR_SIZE else {}


def network_defaults(size: int | None, stem: str | None) -> dict[str, Any]:
    """What images of another size need instead: no auxiliary head, which fits one size only."""
    fits = size in (None, CIFAR_SIZE) or stem == "imagenet"
    return {} if fits else {"auxiliary": False}


class Select(Training):
    """Short training of every derived architecture, scored on validation data (DARTS, 3.2)."""

    epochs: Count = 100
    seed: Seed = 0


class Retrain(Training):
    """The full recipe on the selected architecture, tested once (DARTS, 3.2)."""

    epochs: Count = 600
    seeds: list[Seed] = Field(
        default=list(range(10)), min_length=1, description="one training each (10 in table 1)"
    )
