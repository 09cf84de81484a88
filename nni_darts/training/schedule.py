"""What changes from epoch to epoch in training from scratch."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LRScheduler


def learning_rate_schedule(
    optimizer: Optimizer, name: str, epochs: int, lr_min: float, gamma: float
) -> LRScheduler:
    """The schedule, stepped once at the end of every epoch.

    ``cosine``: lr_min + (lr - lr_min) (1 + cos(pi e / epochs)) / 2 in epoch e, from cnn/train.py;
    ``exponential``: lr gamma^e, from cnn/train_imagenet.py.
    """
    if name == "cosine":
        return CosineAnnealingLR(optimizer, T_max=epochs, eta_min=lr_min)
    if name == "exponential":
        return ExponentialLR(optimizer, gamma=gamma)
    raise ValueError(f'schedule: "{name}" is not known; give cosine or exponential')


def drop_path_prob(final: float, epoch: int, epochs: int) -> float:
    """final * epoch / epochs: 0 in the first epoch, and never quite ``final`` (cnn/train.py)."""
    return final * epoch / epochs
