"""Whether an edge can be fused, decided by its modules as they are, not by their names."""

from __future__ import annotations

from typing import Any

from torch import nn

from nni_darts.supernet.fused.forms import Form, Halved, Pooled, Separable, Stage
from nni_darts.supernet.layer import MixedLayer

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


class NotFusedError(Exception):
    """Why something is left to the generic supernet, as a phrase."""


def forms_of(edge: nn.Module) -> list[Form]:
    """The forms of an edge's candidates, in order.

    Raises
    ------
    NotFusedError
        The edge must be computed as it is.
    """
    if type(edge) is not MixedLayer:
        raise NotFusedError(f"it is a {type(edge).__name__}, not a mixed LayerChoice")
    _require_plain(edge, "the choice itself")
    return [_form(edge[name], str(name)) for name in edge.names]


def _form(candidate: nn.Module, name: str) -> Form:
    kind = type(candidate)
    owner = _owner(kind, "form")
    if owner is None or owner is not _owner(kind, "forward") or "forward" in vars(candidate):
        raise NotFusedError(f'"{name}" ({kind.__name__}) declares no form')
    for module in candidate.modules():
        _require_plain(module, f'"{name}"')
    form: Form = candidate.form()  # type: ignore[operator]
    problem = _problem(form)
    if problem:
        raise NotFusedError(f'"{name}" ({kind.__name__}): {problem}')
    return form


def _owner(kind: type, attribute: str) -> type | None:
    return next((base for base in kind.__mro__ if attribute in vars(base)), None)


def _require_plain(module: nn.Module, what: str) -> None:
    if any(getattr(module, hooks) for hooks in _HOOKS):
        raise NotFusedError(f"{what} has hooks, which only its own forward would run")


def _problem(form: Form) -> str | None:
    if isinstance(form, Pooled):
        return _pool_problem(form)
    if isinstance(form, Halved):
        return _halved_problem(form)
    if isinstance(form, Separable):
        strides = [_pair(stage.depthwise.stride) for stage in form.stages[1:]]
        if len(form.stages) not in (1, 2) or any(stride != (1, 1) for stride in strides):
            return "it is not one stage, or two of which the first alone may stride"
        return next(filter(None, map(_stage_problem, form.stages)), None)
    return None


def _pool_problem(form: Pooled) -> str | None:
    if type(form.pool) not in (nn.MaxPool2d, nn.AvgPool2d):
        return f"{type(form.pool).__name__} is not a pool that can be shared"
    if form.norm is None:
        return None
    return _norm_problem(form.norm) or ("a pool's BatchNorm has weights" if form.norm.affine else None)


def _stage_problem(stage: Stage) -> str | None:
    for conv in (stage.depthwise, stage.pointwise):
        if type(conv) is not nn.Conv2d or conv.bias is not None or conv.padding_mode != "zeros":
            return "a convolution is not a plain one without bias and with zero padding"
    depthwise: Any = stage.depthwise
    if not depthwise.groups == depthwise.in_channels == depthwise.out_channels:
        return "its first convolution is not depthwise"
    if not _is_same(depthwise):
        return 'a depthwise convolution is not an odd square with as much padding as keeps the size ("same")'
    if not _is_pointwise(stage.pointwise, (1, 1)):
        return "its second convolution is not pointwise"
    if stage.pointwise.in_channels != stage.pointwise.out_channels:
        return "it changes the number of channels"
    return _norm_problem(stage.norm)


def _halved_problem(form: Halved) -> str | None:
    for conv in (form.even, form.odd):
        if type(conv) is not nn.Conv2d or conv.bias is not None or not _is_pointwise(conv, (2, 2)):
            return "a convolution is not 1x1 with stride 2 and without bias"
    if form.even.in_channels != form.odd.in_channels:
        return "its convolutions differ in their input"
    return _norm_problem(form.norm)


def _is_pointwise(conv: Any, stride: tuple[int, int]) -> bool:
    return (
        conv.groups == 1
        and _pair(conv.kernel_size) == (1, 1)
        and _pair(conv.padding) == (0, 0)
        and _pair(conv.stride) == stride
    )


def _is_same(conv: Any) -> bool:
    pairs = (conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    if isinstance(conv.padding, str) or any(len(set(_pair(pair))) > 1 for pair in pairs):
        return False
    kernel, padding = conv.kernel_size[0], conv.padding[0]
    return kernel % 2 == 1 and 2 * padding == conv.dilation[0] * (kernel - 1)


def _norm_problem(norm: Any) -> str | None:
    if type(norm) is not nn.BatchNorm2d:
        return f"{type(norm).__name__} is not BatchNorm2d"
    if norm.momentum is None or not norm.track_running_stats:
        return "a BatchNorm keeps no exponential running statistics"
    return None


def _pair(value: Any) -> Any:
    return value if isinstance(value, (tuple, str)) else (value, value)
