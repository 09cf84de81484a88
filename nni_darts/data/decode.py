"""Image files -> uint8 arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from nni_darts.errors import ConfigError

GREY = frozenset({"1", "L", "LA"})
# Pillow cuts these to 8 bit instead of scaling them, which would turn the images white.
TOO_DEEP = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
SHOWN = 5
THREADS = 8
AT_ONCE = 8192
"""Files handed to the threads at a time: a million tasks in their queue would take gigabytes."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Format:
    """What all images of a set become: ``channels`` 1 or 3, ``size`` (H, W)."""

    channels: int
    size: tuple[int, int]


def infer_format(root: Path, files: Sequence[str], image_size: int | None) -> Format:
    """Read the heads of all files: one channel if every image is grey, and the size they share.

    Raises
    ------
    ConfigError
        An image cannot be read or has more than 8 bits, or sizes differ and ``image_size`` is not given.
    """
    problems: list[str] = []
    sizes: dict[tuple[int, int], str] = {}
    grey = True

    def head(name: str) -> tuple[str, tuple[int, int]] | str:
        try:
            with Image.open(root / name) as image:
                if image.mode in TOO_DEEP:
                    return f"data.root: {root / name} has more than 8 bits a channel; convert it to 8 bit."
                return image.mode, (image.height, image.width)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return f"data.root: {root / name} is not a readable image ({error}); repair or remove it."

    for name, result in zip(files, _in_threads(head, files), strict=True):
        if isinstance(result, str):
            problems.append(result)
            continue
        grey = grey and result[0] in GREY
        sizes.setdefault(result[1], name)
    _raise(problems)
    if image_size is None and len(sizes) > 1:
        (first, first_name), (second, second_name), *_ = sizes.items()
        raise ConfigError(
            f"data.root: the images of {root} differ in size ({first[0]}x{first[1]} {first_name}, "
            f"{second[0]}x{second[1]} {second_name}); set data.image_size to the side in pixels that all "
            "are scaled to."
        )
    size = (image_size, image_size) if image_size is not None else next(iter(sizes))
    return Format(channels=1 if grey else 3, size=size)


def decode(root: Path, files: Sequence[str], form: Format, resize: bool, out: np.ndarray) -> None:
    """Write every file into ``out``, uint8 [N, C, H, W].

    With ``resize`` an image of another size is scaled and centre-cropped to ``form.size``, keeping its
    proportions; without, another size is an error.
    """

    def one(index: int) -> str | None:
        name = files[index]
        try:
            with Image.open(root / name) as image:
                pixels = image.convert("L" if form.channels == 1 else "RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return f"data.root: {root / name} is not a readable image ({error}); repair or remove it."
        if (pixels.height, pixels.width) != form.size:
            if not resize:
                return (
                    f"data.root: {root / name} is {pixels.height}x{pixels.width}, the training images are "
                    f"{form.size[0]}x{form.size[1]}; set data.image_size to scale all."
                )
            pixels = ImageOps.fit(pixels, form.size[::-1], Image.Resampling.BICUBIC)
        array = np.asarray(pixels)
        out[index] = array[None] if form.channels == 1 else array.transpose(2, 0, 1)
        return None

    _raise([problem for problem in _in_threads(one, range(len(files))) if problem is not None])


def _in_threads(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """The results in the order of the tasks."""
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(tasks), AT_ONCE):
            yield from pool.map(function, tasks[start : start + AT_ONCE])


def _raise(problems: list[str]) -> None:
    if len(problems) > SHOWN:
        problems = [*problems[:SHOWN], f"data.root: and {len(problems) - SHOWN} more images like these."]
    if problems:
        raise ConfigError(*problems)
