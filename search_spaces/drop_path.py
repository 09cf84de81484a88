"""Drop path: forget an operation's output for some samples of the batch (cnn/utils.py, ``drop_path``).

The original draws a mask when it reaches an operation. Here one call draws all masks of a forward, so that
the same seed gives other masks than one call an operation would; their distribution is the same: every
(operation, sample) independently. Probability 0 as a number draws nothing; a tensor always draws, since
its value may change between two runs of a captured graph.
"""

from __future__ import annotations

import torch
from torch import Tensor


def draw_masks(count: int, images: Tensor, prob: float | Tensor) -> Tensor:
    """``count`` masks, [count, B, 1, 1, 1], for a batch of B images, on their device and of their type.

    Parameters
    ----------
    prob
        Probability to drop, in [0, 1).
    """
    shape = (count, len(images), 1, 1, 1)
    if isinstance(prob, Tensor):
        kept = torch.bernoulli((1.0 - prob).to(images).expand(shape))
    else:
        kept = images.new_empty(shape).bernoulli_(1.0 - prob)
    return scaled(kept, prob)


def scaled(kept: Tensor, prob: float | Tensor) -> Tensor:
    """Masks of 1 (kept) and 0 (dropped), divided by 1 - ``prob``: the mean of x * mask is then x."""
    return kept / (1.0 - prob)


def masked_sum(a: Tensor, mask_a: Tensor | None, b: Tensor, mask_b: Tensor | None) -> Tensor:
    """a * mask_a + b * mask_b in as few passes over memory as that takes; None stands for ones."""
    if mask_a is None:
        a, mask_a, b, mask_b = b, mask_b, a, mask_a
    if mask_a is None:
        return a + b
    return torch.addcmul(b if mask_b is None else b * mask_b, a, mask_a)
