"""From the settings to what is done to the images of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nni_darts.data.augment import Augment, Normalise, Transform
from nni_darts.data.info import DataInfo

if TYPE_CHECKING:
    from nni_darts.config.data import Data


class Transforms(NamedTuple):
    """For images that are trained on, and for those that are measured on."""

    train: Transform
    evaluate: Transform


def transforms(
    settings: Data, info: DataInfo, cutout_length: int = 0, cutout_epochs: int | None = None
) -> Transforms:
    """Both transforms of the settings; the cutout is that of the stage, as for :class:`Augment`."""
    if settings.augmentation == "imagenet":
        from nni_darts.data.imagenet import CentreCrop, RandomResizedCrops

        return Transforms(RandomResizedCrops(info, settings.flip), CentreCrop(info))
    augment = Augment(info, settings.crop_padding, settings.flip, cutout_length, cutout_epochs)
    return Transforms(augment, Normalise(info))
