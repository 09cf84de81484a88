"""The fixtures' weight names -> our parameters.

The modules of ``search_spaces`` carry the fixtures' own part names (``dw1``, ``conv_a``, ``bn``), so a name
becomes an attribute path by rewriting its segments:

=======================  ==========================
``stem/conv``            ``stem.conv.weight``
``stem0/bn1_gamma``      ``stem.stem0.bn1.weight``
``cell3/pre0/conv_a``    ``cells.3.pre0.conv_a.weight``
``edge_0_2/{op}/pw``     ``edges.0_2.{op}.pw.weight``
``op5/bn2_beta``         ``ops.5.bn2.bias``
``bn_mean``, ``bn_var``  ``bn.running_mean``, ``bn.running_var``
``classifier/weight``    ``classifier.weight``
``conv``, ``conv_bias``  ``conv.weight``, ``conv.bias``
``res/conv_a_bn_gamma``  ``conv_a.bn.weight``
``W_init``, ``W_node3``  ``cell.W_init``, ``cell.W_nodes.2``
``decoder_bias``         ``decoder_bias``
=======================  ==========================

It holds for an operation, an edge's LayerChoice, a SearchCell, a DartsSpace before or after it became a
supernet (its mixed modules keep their candidates' names), a DiscreteNetwork, the cells and networks of
NAS-Bench-201, and language models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nni_darts.check.fixture import Fixture

_SEGMENTS = (
    (re.compile(r"cell(\d+)"), r"cells.\1"),
    (re.compile(r"edge_(\d+_\d+)"), r"edges.\1"),
    (re.compile(r"op(\d+)"), r"ops.\1"),
    (re.compile(r"(stem\d)"), r"stem.\1"),
)
_PARTS = {
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "var": "running_var",
    "weight": "weight",
    "bias": "bias",
}
_PART = re.compile(r"(?:(bn\d?|classifier|conv)_)?(gamma|beta|mean|var|weight|bias)")
_NODE = re.compile(r"W_node(\d+)")
_BARE = {"W_init": "cell.W_init", "decoder_bias": "decoder_bias"}
_RESIDUAL = re.compile(r"(conv_[ab]|downsample)_(.+)")


def attribute_path(name: str) -> str:
    """Attribute path of the tensor that a fixture calls ``name``."""
    node = _NODE.fullmatch(name)
    if node:
        return f"cell.W_nodes.{int(node[1]) - 1}"
    if name in _BARE:
        return _BARE[name]
    *folders, last = name.split("/")
    path = [_segment(folder) for folder in folders if folder != "res"]
    in_block = _RESIDUAL.fullmatch(last)
    if in_block:
        path.append(in_block[1])
        last = in_block[2]
    match = _PART.fullmatch(last)
    if match:
        path += [match[1]] if match[1] else []
        path.append(_PARTS[match[2]])
    else:
        path += [last, "weight"]
    return ".".join(path)


def tensor(module: nn.Module, name: str) -> Tensor:
    """The parameter or running statistic of ``module`` that a fixture calls ``name``."""
    owner, _, attribute = attribute_path(name).rpartition(".")
    return getattr(module.get_submodule(owner), attribute)


def parameters(module: nn.Module, names: Iterable[str]) -> dict[str, nn.Parameter]:
    """Fixture name -> parameter, in the order of ``names``."""
    return {name: module.get_parameter(attribute_path(name)) for name in names}


def load_weights(module: nn.Module, fixture: Fixture, prefix: str = "w") -> dict[str, nn.Parameter]:
    """Turn ``module`` into float64 and copy the fixture's weights under ``prefix`` into it.

    Returns
    -------
    Fixture name -> parameter, in the fixture's order.

    Raises
    ------
    ValueError
        If the fixture leaves one of the module's parameters unset.
    """
    module.double()
    weights = fixture.under(prefix)
    found = parameters(module, weights)
    unset = {id(parameter) for parameter in module.parameters()} - {id(item) for item in found.values()}
    if unset:
        names = [name for name, parameter in module.named_parameters() if id(parameter) in unset]
        raise ValueError(f"The fixture holds no weights for {', '.join(names[:5])} ({len(names)} in all).")
    with torch.no_grad():
        for name, parameter in found.items():
            _copy(parameter, weights[name], name)
    return found


def grads(module: nn.Module, names: Iterable[str]) -> dict[str, Tensor]:
    """Fixture name -> gradient of the parameter, zeros where nothing reached it."""
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in parameters(module, names).items()
    }


def _segment(folder: str) -> str:
    for pattern, path in _SEGMENTS:
        if pattern.fullmatch(folder):
            return pattern.sub(path, folder)
    return folder


def _copy(parameter: nn.Parameter, value: Tensor, name: str) -> None:
    if parameter.shape != value.shape:
        raise ValueError(
            f"{name}: the module has {tuple(parameter.shape)}, the fixture {tuple(value.shape)}."
        )
    parameter.copy_(value)
