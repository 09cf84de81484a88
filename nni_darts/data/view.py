"""What a network sees of the stored images: their size and how they are normalised."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from nni_darts.errors import ConfigError

if TYPE_CHECKING:
    from nni_darts.config.data import Data

Statistics: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation per channel, of pixels scaled to [0, 1]."""

IMAGENET: Statistics = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Of train_imagenet.py and of torchvision's pretrained networks."""


def seen_by_network(
    settings: Data, channels: int, stored: tuple[int, int], statistics: Callable[[], Statistics]
) -> tuple[tuple[int, int], tuple[float, ...], tuple[float, ...]]:
    """Size (H, W), mean and deviation of what a network gets; ``statistics`` may read all images.

    Raises
    ------
    ConfigError
        ImageNet's normalisation for images that are not of three channels.
    """
    if settings.augmentation != "imagenet":
        return stored, *statistics()
    if channels != 3:
        raise ConfigError(
            f"data.augmentation: imagenet needs colour images, those of {settings.folder()} are grey; "
            "take cifar."
        )
    side = settings.crop_size
    return stored if side is None else (side, side), *IMAGENET
