"""Decoded images on disk, so that only a data set's first run decodes it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nni_darts.data.decode import Format
from nni_darts.data.tree import Tree

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
    """
    shape = (count, form.channels, *form.size)
    place = cache_folder() / key
    if place.is_dir():
        return _open(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{key}."))
    except OSError as error:
        logger.warning("the cache of decoded images cannot be written (%s): every run decodes again", error)
        images = np.empty(shape, np.uint8)
        fill(images)
        return images
    try:
        logger.info("decoding %d images, once, into %s", count, place)
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
    # Copy-on-write: torch warns about read-only memory, and nobody can write into the file.
    return np.load(place / "images.npy", mmap_mode="c")
