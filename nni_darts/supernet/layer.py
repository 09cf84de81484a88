"""LayerChoice in the supernet."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from nni.nas.nn.pytorch import LayerChoice

from nni_darts.supernet.mixed import Memo, MixedModule
from nni_darts.supernet.structure import Structure


class MixedLayer(LayerChoice, MixedModule):
    """All candidates see the input; the forward part combines their outputs."""

    names: list[Any]

    @classmethod
    def mutate(cls, module: Any, name: str, memo: Memo, kwargs: Memo) -> MixedLayer | None:
        if type(module) is not LayerChoice:
            return None
        mixed = cls(module.candidates, label=module.label)
        mixed.keep(kwargs["structure"].choices[module.label].values)
        mixed.attach(kwargs["mixture"], kwargs["combine"])
        for part in kwargs["edges"]:
            mixed = part(mixed, kwargs["structure"])
        return mixed

    @classmethod
    def instead_of(cls, layer: MixedLayer) -> MixedLayer:
        """A layer of this class with the candidates, label and mixture of another; their names stay."""
        # Not built again: a layer that lost candidates cannot be built from those that are left.
        mixed = cls.__new__(cls)
        mixed.__dict__.update(layer.__dict__)
        return mixed

    def keep(self, values: Collection[Any]) -> None:
        """Drop the candidates that are not among ``values``."""
        names: list[Any] = list(self.names)
        for name in names:
            if name not in values:
                del self._modules[str(name)]
        self.names = [name for name in names if name in values]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        candidates = [partial(self[name], *args, **kwargs) for name in self.names]
        return self.combine(*self.mixture.open(self.label, candidates))


EdgePart = Callable[[MixedLayer, Structure], MixedLayer]
