"""What an edge does to the size of an image, read from its candidates."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.supernet.layer import MixedLayer

_SIDE = 16
_ANY = 4


@dataclass(frozen=True)
class Extent:
    """Channels before and after, and the stride: 1 or 2.

    ``channels`` is None where no candidate knows: all of them take any number and keep it.
    """

    channels: int | None
    channels_out: int | None
    stride: int


def extent_of(layer: MixedLayer) -> Extent:
    """The extent of a mixed layer, found by trying one candidate without memory or arithmetic.

    Raises
    ------
    ConfigError
        The candidate takes no images, or does something else to their size.
    """
    known = [(name, channels) for name in layer.names if (channels := _channels(layer[name])) is not None]
    name, channels = known[0] if known else (layer.names[0], None)
    x = torch.empty(2, channels or _ANY, _SIDE, _SIDE, device="meta")
    try:
        with torch.no_grad():
            shape = copy.deepcopy(layer[name]).to("meta")(x).shape
        batch, channels_out, height, width = shape
    except Exception as error:
        raise _refusal(layer, f'its candidate "{name}" cannot be tried on an image ({error})') from error
    stride = _SIDE // height if height else 0
    if batch != 2 or stride not in (1, 2) or (height, width) != (_SIDE // stride, _SIDE // stride):
        raise _refusal(layer, f'its candidate "{name}" turns {tuple(x.shape)} into {tuple(shape)}')
    return Extent(channels, channels_out if channels else None, stride)


def _channels(candidate: nn.Module) -> int | None:
    """Of the input, as the first submodule that has such a number says."""
    for module in candidate.modules():
        found: Any = getattr(module, "in_channels", None) or getattr(module, "num_features", None)
        if isinstance(found, int):
            return found
    return None


def _refusal(layer: MixedLayer, why: str) -> ConfigError:
    return ConfigError(
        f'method: it needs edges that keep the size of an image or halve it; "{layer.label}" is none: {why}.'
    )
