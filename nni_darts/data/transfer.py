"""From the host to a GPU without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` on ``device``. A copy from ordinary memory waits until the GPU has done all before it;
    one from pinned memory takes its turn, and the host goes on to the next batch."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
