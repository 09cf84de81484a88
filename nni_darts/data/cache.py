"""Decoded images on disk, so that only a data set's first run decodes it."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nni_darts.data.decode import Format
from nni_darts.data.images import IN_MEMORY
from nni_darts.data.tree import Tree
from nni_darts.errors import ConfigError

logger = logging.getLogger(__name__)

SCHEMA = 1


def cache_folder() -> Path:
    """``$NNI_DARTS_CACHE``, else the user's cache folder."""
    given = os.environ.get("NNI_DARTS_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nni-darts" / "decoded"


def fingerprint(tree: Tree, **options: Any) -> str:
    """Changes when a file is added, removed, renamed or rewritten, and with the options of decoding."""
    digest = hashlib.sha256(json.dumps([SCHEMA, str(tree.root.resolve()), options], sort_keys=True).encode())
    for name in tree.files:
        stat = (tree.root / name).stat()
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def cached_format(key: str, build: Callable[[], Format]) -> Format:
    """The format stored under ``key``, or what ``build`` finds."""
    path = cache_folder() / key / "format.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Format(stored["channels"], (stored["size"][0], stored["size"][1]))
    except (OSError, ValueError, KeyError):
        return build()


def cached_images(key: str, count: int, form: Format, fill: Callable[[np.ndarray], None]) -> np.ndarray:
    """uint8 [count, C, H, W], memory-mapped: stored under ``key``, or written now by ``fill``.

    The folder of a key appears whole, by one rename, whoever is killed and however many run at once.
    Where the cache cannot be written, the images are decoded into memory and a warning says so.

    Raises
    ------
    ConfigError
        The images need more disk than there is, or are too large for memory and the cache cannot be
        written.
    """
    shape = (count, form.channels, *form.size)
    needed = math.prod(shape)
    place = cache_folder() / key
    if place.is_dir():
        return _open(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{key}."))
        free = shutil.disk_usage(partial).free
    except OSError as error:
        if needed > IN_MEMORY:
            raise ConfigError(
                f"data: the decoded images need {needed / 1e9:.1f} GB and the cache of decoded images cannot "
                f"be written ({error}); set NNI_DARTS_CACHE to a folder with that much space."
            ) from error
        logger.warning("the cache of decoded images cannot be written (%s): every run decodes again", error)
        images = np.empty(shape, np.uint8)
        fill(images)
        return images
    try:
        if needed > free:  # writing into a mapped file on a full disk would kill the process
            raise ConfigError(
                f"data: the decoded images need {needed / 1e9:.1f} GB and {place.parent} has "
                f"{free / 1e9:.1f} GB left; set NNI_DARTS_CACHE to a larger disk, or give a smaller "
                "data.image_size."
            )
        logger.info("decoding %d images (%.1f GB), once, into %s", count, needed / 1e9, place)
        mapped = np.lib.format.open_memmap(partial / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
        fill(mapped)
        mapped.flush()
        (partial / "format.json").write_text(json.dumps({"channels": form.channels, "size": form.size}))
        try:
            partial.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was faster, with the same content
                raise
        return _open(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _open(place: Path) -> np.ndarray:
    path = place / "images.npy"
    # Copy-on-write, so that tensors can be written and the file cannot. Linux refuses that for more than
    # the machine's memory; and large images are only read.
    return np.load(path, mmap_mode="r" if path.stat().st_size > IN_MEMORY else "c")
