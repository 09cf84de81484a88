"""LayerChoice in the supernet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nni.nas.nn.pytorch import LayerChoice

from nni_darts.supernet.mixed import Memo, MixedModule
from nni_darts.supernet.structure import Structure


class MixedLayer(LayerChoice, MixedModule):
    """All candidates see the input; the forward part combines their outputs."""

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> MixedLayer | None:
        if type(module) is not LayerChoice:
            return None
        mixed = cls(module.candidates, label=module.label)
        mixed.attach(kwargs["mixture"], kwargs["combine"])
        for part in kwargs["edges"]:
            mixed = part(mixed, kwargs["structure"])
        return mixed

    @classmethod
    def instead_of(cls, layer: MixedLayer) -> MixedLayer:
        """A layer of this class with the candidates, label and mixture of another; their names stay."""
        mixed = cls(layer.candidates, label=layer.label)
        mixed.attach(layer.mixture, layer.combine)
        return mixed

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        candidates = [partial(self[name], *args, **kwargs) for name in self.names]
        return self.combine(*self.mixture.open(self.label, candidates))


EdgePart = Callable[[MixedLayer, Structure], MixedLayer]
