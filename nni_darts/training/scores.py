"""Running loss and accuracies of an epoch, which survive a checkpoint in its middle."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scores(nn.Module):
    """Sums over the images seen since the last reset.

    They are buffers, so a checkpoint holds them and an epoch that was interrupted reports the same
    numbers, to the bit, as one that was not.
    """

    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("sums", torch.zeros(4, dtype=torch.float64))

    def reset(self) -> None:
        """Begin an epoch."""
        self.sums.zero_()

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Count a batch: ``logits`` [B, K], ``labels`` [B], ``loss`` its mean loss."""
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == labels[:, None]
        count = len(labels)
        batch = [loss * count, hits[:, 0].sum(), hits.sum(), torch.full_like(loss, count)]
        self.sums += torch.stack([value.detach().double() for value in batch])

    def compute(self) -> dict[str, float]:
        """``loss`` (mean over images), ``accuracy`` and ``top5`` in percent; empty before any batch."""
        loss, top1, top5, count = self.sums.tolist()
        if not count:
            return {}
        return {"loss": loss / count, "accuracy": 100 * top1 / count, "top5": 100 * top5 / count}
