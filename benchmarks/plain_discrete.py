"""The discrete network as cnn/model.py of quark0/darts computes it: one operation after the other.

Every operation has its own ReLU, every convolution is PyTorch's own, each drop path draws when it is
reached. The modules and their names are those of our network, so that weights go from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.discrete import DiscreteNetwork
from search_spaces.operations import DilConv, FactorizedReduce, Identity, ReLUConvBN, SepConv, WideConv


class PlainNetwork(DiscreteNetwork):
    """What is trained in place of :class:`DiscreteNetwork`.

    Attributes
    ----------
    masks
        What drop path multiplies by, in the order in which it is reached; None to draw.
    """

    masks: Iterator[Tensor] | None = None

    def forward(self, x: Tensor) -> Any:
        s0, s1 = self.stem(x)
        auxiliary = None
        for index, cell in enumerate(self.cells):
            s0, s1 = s1, self._cell(cell, s0, s1)
            if self.training and self.aux is not None and index == self.auxiliary_cell:
                auxiliary = self.aux(s1)
        logits = self.classifier(functional.adaptive_avg_pool2d(s1, 1).flatten(1))
        return logits if auxiliary is None else (logits, auxiliary)

    def _cell(self, cell: Any, s0: Tensor, s1: Tensor) -> Tensor:
        states = [plain(cell.pre0, s0), plain(cell.pre1, s1)]
        for first in range(0, len(cell.edges), 2):
            terms = []
            for place in (first, first + 1):
                operation = cell.ops[place]
                term = plain(operation, states[cell.edges[place][1]])
                if self.training and self.drop_path_prob > 0 and not isinstance(operation, Identity):
                    term = self._dropped(term)
                terms.append(term)
            states.append(terms[0] + terms[1])
        return torch.cat([states[index] for index in cell.concat], dim=1)

    def _dropped(self, x: Tensor) -> Tensor:
        keep = 1.0 - float(self.drop_path_prob)
        if self.masks is not None:
            return x * next(self.masks)
        mask = x.new_empty(len(x), 1, 1, 1).bernoulli_(keep)
        return x.div(keep).mul(mask)


def plain(operation: nn.Module, x: Tensor) -> Tensor:
    """The operation by its modules, each called once, in order."""
    if isinstance(operation, ReLUConvBN):
        return operation.bn(operation.conv(x.relu()))
    if isinstance(operation, FactorizedReduce):
        x = x.relu()
        return operation.bn(torch.cat([operation.conv_a(x), operation.conv_b(x[:, :, 1:, 1:])], dim=1))
    if isinstance(operation, DilConv):
        return operation.bn(operation.pw(operation.dw(x.relu())))
    if isinstance(operation, SepConv):
        x = operation.bn1(operation.pw1(operation.dw1(x.relu())))
        return operation.bn2(operation.pw2(operation.dw2(x.relu())))
    if isinstance(operation, WideConv):
        return operation.bn(operation.conv_7x1(operation.conv_1x7(x.relu())))
    return operation(x)
