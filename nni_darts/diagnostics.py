"""Numbers that tell how a search is going, every epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from nni_darts.genotype.sample import chosen_operations

SKIP = "skip_connect"


def mean_entropy(weights: Iterable[Tensor]) -> float:
    """Mean over all choices of -sum p log p in nats: log(candidates) at the start, 0 when decided.

    Weights that do not sum to one (sigmoids) have no entropy in this sense; they are normalised first. A
    choice that was removed, whose weights are all 0, is a decided one.
    """
    rows = [row.double() / row.double().sum().clamp_min(torch.finfo(torch.float64).tiny) for row in weights]
    return float(torch.stack([torch.special.entr(row).sum() for row in rows]).mean())


def skips(sample: dict[str, Any]) -> int:
    """How many skip connections the derived architecture has: their dominance is DARTS's known failure."""
    return chosen_operations(sample).count(SKIP)
