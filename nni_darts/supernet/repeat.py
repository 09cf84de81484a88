"""Repeat in the supernet."""

from __future__ import annotations

from typing import Any

import torch
from nni.mutable import Mutable
from nni.nas.nn.pytorch import Repeat
from nni.nas.oneshot.pytorch.supermodule._expression_utils import traverse_all_options

from nni_darts.supernet.mixed import Memo, MixedModule


class MixedRepeat(Repeat, MixedModule):
    """The expected output over the depths: every prefix of the blocks enters with its depth's weight."""

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> MixedRepeat | None:
        if type(module) is not Repeat or not isinstance(module.depth_choice, Mutable):
            return None
        mixed = cls(list(module.blocks), module.depth_choice)
        mixed.attach(kwargs["mixture"], kwargs["combine"])
        return mixed

    def forward(self, x: Any) -> Any:
        labels = self.depth_choice.simplify()
        weight_of = dict(
            traverse_all_options(self.depth_choice, weights={label: self.mixture[label] for label in labels})
        )
        outputs = [x]
        for block in self.blocks:
            outputs.append(block(outputs[-1]))
        depths = list(weight_of)
        weights = torch.stack([weight_of[depth] for depth in depths])
        return self.combine([lambda d=d: outputs[d] for d in depths], weights)  # type: ignore[misc]
