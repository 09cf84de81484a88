"""``nni.choice`` in the arguments of a module: widths and kernel sizes mixed inside one super-kernel."""

from __future__ import annotations

from typing import Any

from nni.nas.nn.pytorch import MutableModule, ParametrizedModule
from nni.nas.oneshot.pytorch.supermodule._expression_utils import traverse_all_options
from nni.nas.oneshot.pytorch.supermodule.operation import (
    NATIVE_MIXED_OPERATIONS,
    MixedOperationSamplingPolicy,
)

from nni_darts.errors import ConfigError
from nni_darts.supernet.weights import MixtureWeights

_PATH_ONLY = {
    "MutableConv2d": {"stride", "dilation"},
    "MutableBatchNorm2d": {"eps", "momentum"},
    "MutableLayerNorm": {"eps"},
    "MutableMultiheadAttention": {"num_heads", "dropout"},
}
"""Arguments that NNI's mixed operations take from a sampled path alone, failing in the first forward."""


class MixturePolicy(MixedOperationSamplingPolicy):
    """NNI's mixed operations ask this policy for their arguments and get a distribution over values."""

    def __init__(self, operation: Any, memo: dict[str, Any], kwargs: dict[str, Any]) -> None:
        self.mixture: MixtureWeights = kwargs["mixture"]

    def resample(self, operation: Any, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def export(self, operation: Any, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def export_probs(self, operation: Any, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def forward_argument(self, operation: Any, name: str) -> Any:
        if name not in operation.mutable_arguments:
            return operation.init_arguments[name]
        argument = operation.mutable_arguments[name]
        weights = {label: self.mixture[label] for label in argument.simplify()}
        return dict(traverse_all_options(argument, weights=weights))


def value_choice(module: Any, name: str, memo: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """Replace a parametrised module by NNI's mixed operation, where it has one."""
    if not isinstance(module, ParametrizedModule) or not module.mutables:
        return None
    for operation in NATIVE_MIXED_OPERATIONS:
        if isinstance(module, operation.bound_type):
            _check_arguments(module, name, operation)
            return operation.mutate(module, name, memo, kwargs)
    return None


def _check_arguments(module: Any, name: str, operation: Any) -> None:
    from nni.mutable import Mutable

    kind = type(module).__name__
    for argument, value in module.trace_kwargs.items():
        if not isinstance(value, Mutable):
            continue
        if argument not in operation.argument_list or argument in _PATH_ONLY.get(kind, ()):
            mixable = [a for a in operation.argument_list if a not in _PATH_ONLY.get(kind, ())]
            raise ConfigError(
                f'"{name}" ({kind}): a choice in the argument "{argument}" has no differentiable form; '
                f"choices may stand in {', '.join(mixable)}. Write a LayerChoice of whole modules instead."
            )


def refuse_unknown(module: Any, name: str, memo: dict[str, Any], kwargs: dict[str, Any]) -> bool:
    """The last hook: a module that still has choices would be searched in appearance only."""
    if isinstance(module, MutableModule) and module.mutables:
        labels = ", ".join(f'"{label}"' for mutable in module.mutables for label in mutable.simplify())
        raise ConfigError(
            f'"{name}" ({type(module).__name__}) holds the choice {labels}, which no part of the supernet '
            "handles. Write it with LayerChoice, InputChoice, Repeat, Cell, or nni.choice in an argument of "
            "MutableConv2d, MutableLinear, MutableBatchNorm2d, MutableLayerNorm or "
            "MutableMultiheadAttention, or pass a hook of your own as mutation_hooks."
        )
    return True
