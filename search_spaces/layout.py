"""Which cell stands where, with how many channels: the same for the search and the discrete network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nni_darts.errors import ConfigError

STEMS = ("cifar", "imagenet")

#: Side of the images, or (height, width).
ImageSize = int | tuple[int, int]

#: Channels of the CIFAR stem per initial channel (stem_multiplier of cnn/model.py).
STEM_MULTIPLIER = 3


@dataclass(frozen=True)
class Place:
    """One cell's place: its type, its channels, and what its two inputs look like."""

    kind: str
    channels: int
    channels_before_last: int
    channels_last: int
    reduction: bool
    reduction_prev: bool


def reductions(layers: int) -> tuple[int, ...]:
    """Indices of the reduction cells: one third and two thirds of the way."""
    return tuple(sorted({layers // 3, 2 * layers // 3}))


def places(init_channels: int, layers: int, stem: str, width: Mapping[str, int]) -> list[Place]:
    """Places of all cells.

    Parameters
    ----------
    width
        Number of concatenated states of a ``normal`` and a ``reduce`` cell: its output has that many
        times the cell's channels.
    """
    imagenet = stem == "imagenet"
    channels = init_channels
    before_last = last = init_channels if imagenet else STEM_MULTIPLIER * init_channels
    # The second part of the ImageNet stem halves the image: for cell 0 that is a reduction before it.
    reduction_prev = imagenet
    found = []
    for index in range(layers):
        reduction = index in reductions(layers)
        kind = "reduce" if reduction else "normal"
        channels *= 2 if reduction else 1
        found.append(Place(kind, channels, before_last, last, reduction, reduction_prev))
        before_last, last, reduction_prev = last, channels * width[kind], reduction
    return found


def state_sizes(image_size: ImageSize, layers: int, stem: str) -> list[tuple[int, int]]:
    """(height, width) of the two stem outputs and then of every cell; strides round up."""
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    halvings = [2, 3] if stem == "imagenet" else [0, 0]
    for index in range(layers):
        halvings.append(halvings[-1] + (index in reductions(layers)))
    return [(-(-height >> times), -(-width >> times)) for times in halvings]


def check_macro(numbers: Mapping[str, int], stem: str) -> None:
    """Refuse sizes that no network can have, all at once; ``numbers`` must be positive whole numbers."""
    problems = [
        f"{name} must be a whole number of at least 1, got {value!r}."
        for name, value in numbers.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    if stem not in STEMS:
        problems.append(f"stem must be one of {', '.join(STEMS)}, got {stem!r}.")
    elif stem == "imagenet" and numbers["init_channels"] == 1:
        problems.append("init_channels must be at least 2 with the imagenet stem, got 1.")
    if problems:
        raise ConfigError(*problems)


def check_image_size(image_size: ImageSize, layers: int, stem: str, skip_reduces: bool) -> None:
    """Refuse images that would meet a factorised reduction with an odd height or width.

    One stands in the cell after a reduction (in cell 0 too behind the ImageNet stem) and, with
    ``skip_reduces``, in the reduction cells themselves.
    """
    sizes = state_sizes(image_size, layers, stem)
    met = {index + 1 for index in reductions(layers)} & set(range(layers))
    met |= {0} if stem == "imagenet" else set()
    met |= {index + 1 for index in reductions(layers)} if skip_reduces else set()
    odd = [sizes[state] for state in sorted(met) if sizes[state][0] % 2 or sizes[state][1] % 2]
    if odd:
        height, width = odd[0]
        raise ConfigError(
            f"image_size {image_size} does not fit {layers} cells with the {stem} stem: a reduction would "
            f"meet {height} x {width}, and it needs an even height and width."
        )
