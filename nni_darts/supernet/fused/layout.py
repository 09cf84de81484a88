"""Images [B, C, H, W] whose memory holds the channels of a pixel side by side, and their pixels as rows."""

from __future__ import annotations

import torch
from torch import Tensor


def channels_last(x: Tensor) -> Tensor:
    """The same images in that memory order; a copy only where it is another."""
    return x.contiguous(memory_format=torch.channels_last)


def pixels(x: Tensor) -> Tensor:
    """Rows [B * H * W, C] of images in that order."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def images(rows: Tensor, like: Tensor) -> Tensor:
    """Images of the batch and size of ``like`` from rows."""
    batch, _, height, width = like.shape
    return rows.reshape(batch, height, width, rows.shape[-1]).permute(0, 3, 1, 2)
