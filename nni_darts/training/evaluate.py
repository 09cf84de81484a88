"""A trained network's score on images it was not trained on."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from nni_darts.data.loader import BatchLoader
from nni_darts.training.scores import Scores


@torch.inference_mode()
def evaluate(network: nn.Module, loader: BatchLoader, device: str = "cpu") -> dict[str, float]:
    """``accuracy`` and ``top5`` in percent, and ``loss``, the mean cross-entropy without label smoothing.

    In evaluation mode: running statistics, no drop path, no auxiliary head; always in float32, so that
    a checkpoint tested later gives the number that retraining printed.
    """
    network.to(device).eval()
    scores = Scores().to(device)
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = network(x)
        scores.update(logits, y, functional.cross_entropy(logits, y))
    return scores.compute()
