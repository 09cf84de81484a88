"""Gates that do not compete."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from nni_darts.capture import capturable
from nni_darts.parts.relaxation import Relaxation


@capturable
class Sigmoid(Relaxation):
    """s = sigmoid(alpha) for every candidate on its own, 0.5 at the beginning."""

    competes = False

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__(sizes, scale=0.0)

    def forward(self) -> dict[str, Tensor]:
        return self.each_row(torch.sigmoid)
