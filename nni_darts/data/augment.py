"""Augmentation of whole batches on their device, as cnn/utils.py of quark0/darts does image by image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from nni_darts.data.info import DataInfo
from nni_darts.data.transfer import sent

Transform: TypeAlias = Callable[[Tensor, torch.Generator], Tensor]
"""(uint8 [B, C, H, W], generator) -> float32 [B, C, H, W], ready for a network."""


class Normalise:
    """Scale to [0, 1], subtract the mean, divide by the standard deviation; what evaluation uses."""

    def __init__(self, info: DataInfo) -> None:
        self.mean = torch.tensor(info.mean).view(1, -1, 1, 1)
        self.std = torch.tensor(info.std).view(1, -1, 1, 1)

    def __call__(self, batch: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if self.mean.device != batch.device:  # once: every copy would wait for the device
            self.mean, self.std = self.mean.to(batch.device), self.std.to(batch.device)
        return batch.float().div_(255).sub_(self.mean).div_(self.std)


class Augment:
    """Random crop of the zero-padded image, random horizontal flip, normalisation, cutout.

    All random numbers come from the generator on the CPU, so that a batch is the same on every device;
    what they mean for every pixel is worked out on the batch's device.

    Parameters
    ----------
    info
        Of the data set.
    crop_padding
        Pixels of zeros on every side, 0: no crop.
    flip
        Mirror half of the images.
    cutout_length
        Side in pixels of the erased square, 0: no cutout. An odd side erases one pixel less, as the
        original's integer halves do.
    cutout_epochs
        The share of images that lose a square grows as epoch / (cutout_epochs - 1), to all of them in the
        last epoch; None: all of them always.
    """

    def __init__(
        self,
        info: DataInfo,
        crop_padding: int = 4,
        flip: bool = True,
        cutout_length: int = 0,
        cutout_epochs: int | None = None,
    ) -> None:
        self.normalise = Normalise(info)
        self.crop_padding = crop_padding
        self.flip = flip
        self.cutout_length = cutout_length
        self.cutout_epochs = cutout_epochs
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """What follows is of this epoch."""
        self.epoch = epoch

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        if self.crop_padding or self.flip:
            batch = self._crop_and_flip(batch, generator)
        result = self.normalise(batch)
        if self.cutout_length:
            height, width = result.shape[-2:]
            drawn = [_draw(generator, len(batch), height), _draw(generator, len(batch), width)]
            rows, columns = sent(torch.stack(drawn), result.device)
            mask = cutout_mask(rows, columns, (height, width), self.cutout_length)
            if self.cutout_epochs is not None:
                share = self.epoch / max(self.cutout_epochs - 1, 1)
                chosen = torch.rand(len(batch), generator=generator) < share
                mask &= sent(chosen, result.device)[:, None, None]
            result.masked_fill_(mask.unsqueeze(1), 0.0)
        return result

    def _crop_and_flip(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        count, channels, height, width = batch.shape
        pad = self.crop_padding
        drawn = [_draw(generator, count, 2 * pad + 1) for _ in range(2)]
        drawn.append(_draw(generator, count, 2) if self.flip else torch.zeros(count, dtype=torch.int64))
        top, left, mirror = sent(torch.stack(drawn), batch.device)
        index = _source_pixels(top, left, mirror, (height, width), pad)
        padded = torch.nn.functional.pad(batch, (pad, pad, pad, pad)).flatten(2)
        picked = padded.gather(2, index.unsqueeze(1).expand(-1, channels, -1))
        return picked.view(count, channels, height, width)


def _draw(generator: torch.Generator, count: int, high: int) -> Tensor:
    return torch.randint(high, (count,), generator=generator)


def _source_pixels(top: Tensor, left: Tensor, mirror: Tensor, size: tuple[int, int], pad: int) -> Tensor:
    """Flat index into the padded image of every output pixel: [B, H*W]. Crop first, then flip."""
    height, width = size
    rows = top[:, None] + torch.arange(height, device=top.device)  # [B, H]
    steps = torch.arange(width, device=left.device).expand(len(left), -1)
    columns = left[:, None] + torch.where(mirror[:, None] == 1, width - 1 - steps, steps)  # [B, W]
    return (rows[:, :, None] * (width + 2 * pad) + columns[:, None, :]).flatten(1)


def cutout_mask(rows: Tensor, columns: Tensor, size: tuple[int, int], length: int) -> Tensor:
    """True where a square of ``length`` centred on (row, column), clipped at the border, erases: [B, H, W].

    DeVries and Taylor 2017, as in cnn/utils.py: it covers [centre - length // 2, centre + length // 2).
    """
    half = length // 2

    def covers(centres: Tensor, extent: int) -> Tensor:
        distance = torch.arange(extent, device=centres.device) - centres[:, None]
        return (distance >= -half) & (distance < half)

    return covers(rows, size[0])[:, :, None] & covers(columns, size[1])[:, None, :]
