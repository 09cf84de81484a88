"""Drop path: forget an operation's output for some samples of the batch."""

from __future__ import annotations

from torch import Tensor


def drop_path(x: Tensor, prob: float) -> Tensor:
    """x * mask / (1 - prob), one Bernoulli(1 - prob) mask value per sample (cnn/utils.py, ``drop_path``).

    Parameters
    ----------
    x
        batch x channels x height x width.
    prob
        Probability to drop, in [0, 1); nothing happens at 0.
    """
    if prob <= 0:
        return x
    mask = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1.0 - prob)
    return scale_by_mask(x, mask, prob)


def scale_by_mask(x: Tensor, mask: Tensor, prob: float) -> Tensor:
    """x * mask / (1 - prob): the mean over masks is x."""
    return x * (mask / (1.0 - prob))
