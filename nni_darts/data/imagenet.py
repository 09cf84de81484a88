"""ImageNet's augmentation, as cnn/train_imagenet.py of quark0/darts has it, by torchvision's transforms."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms import v2

from nni_darts.data.augment import Normalise
from nni_darts.data.info import DataInfo

JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2}


class RandomResizedCrops:
    """Random resized crop to ``info.size``, random horizontal flip, colour jitter, normalisation.

    Every image is transformed by itself, on the batch's device. All random numbers come from one seed
    that the generator gives, on the CPU: a batch depends on nothing else, and disturbs nothing else.

    Parameters
    ----------
    info
        Of the data set.
    flip
        Mirror half of the images.
    jitter
        Largest changes of colour, as of torchvision's ``ColorJitter``; empty: none.
    """

    def __init__(self, info: DataInfo, flip: bool = True, jitter: dict[str, float] = JITTER) -> None:
        self.transform = v2.Compose(
            [
                v2.RandomResizedCrop(info.size, antialias=True),
                v2.RandomHorizontalFlip(0.5 if flip else 0.0),
                *([v2.ColorJitter(**jitter)] if jitter else []),
            ]
        )
        self.normalise = Normalise(info)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**63 - 1, (), generator=generator))
        with torch.random.fork_rng(devices=()):
            # torch.manual_seed would also set the GPUs' generators, which drop path draws from.
            torch.random.default_generator.manual_seed(seed)
            images = [self.transform(image) for image in batch]
        return self.normalise(torch.stack(images))


class CentreCrop:
    """The middle ``info.size`` pixels, normalised; what evaluation uses."""

    def __init__(self, info: DataInfo) -> None:
        self.crop = v2.CenterCrop(info.size)
        self.normalise = Normalise(info)

    def __call__(self, batch: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.normalise(self.crop(batch))
