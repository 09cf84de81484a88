"""What all mixed modules share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nni.nas.oneshot.pytorch.supermodule.base import BaseSuperNetModule
from torch import Tensor

from nni_darts.supernet.weights import MixtureWeights

Memo = dict[str, Any]
Forward = Callable[[Sequence[Callable[[], Any]], Tensor], Any]


class MixedModule(BaseSuperNetModule):
    """A choice in the supernet. Sampling and export belong to the relaxation and the derivation."""

    mixture: MixtureWeights
    combine: Forward

    def attach(self, mixture: MixtureWeights, combine: Forward) -> None:
        """Tell the module where its weights come from and how they meet its candidates."""
        self.mixture = mixture
        self.combine = combine

    def resample(self, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def export(self, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def export_probs(self, memo: dict[str, Any]) -> dict[str, Any]:
        return {}
