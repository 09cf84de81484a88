"""A folder tree <class>/<image> as a list of files with labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nni_darts.errors import ConfigError

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".gif"})


@dataclass(frozen=True, eq=False)
class Tree:
    """``files`` relative to ``root``, sorted within sorted classes; ``labels`` int64 [N]."""

    root: Path
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    def subset(self, indices: np.ndarray) -> Tree:
        """These files only, with all the classes."""
        return Tree(self.root, self.class_names, tuple(self.files[i] for i in indices), self.labels[indices])


def read_tree(root: Path, class_names: tuple[str, ...] | None = None) -> Tree:
    """List the images below ``root``; sub-folders of a class are searched, hidden names are not.

    Parameters
    ----------
    root
        Folder with one folder a class. Classes are numbered in the order of their names.
    class_names
        The classes that must be there (those of the training part), no more and no fewer.

    Raises
    ------
    ConfigError
        No such folder, no class in it, classes without images, classes other than ``class_names``.
    """
    if not root.is_dir():
        raise ConfigError(f"data.root: {root} is not a folder; give the one that holds a folder per class.")
    found = tuple(sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")))
    if not found:
        raise ConfigError(f"data.root: {root} holds no class folders; put the images of each class into one.")
    problems = []
    if class_names is not None:
        missing, extra = sorted(set(class_names) - set(found)), sorted(set(found) - set(class_names))
        if missing:
            problems.append(f"data.root: {root} lacks class {', '.join(missing)} of the training images.")
        if extra:
            problems.append(f"data.root: {root} has class {', '.join(extra)}, the training images do not.")
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(found):
        images = sorted(
            path.relative_to(root).as_posix()
            for path in (root / name).rglob("*")
            if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
        )
        if not images:
            problems.append(f"data.root: class folder {root / name} holds no images; fill it or remove it.")
        files += images
        labels += [label] * len(images)
    if problems:
        raise ConfigError(*problems)
    return Tree(root, found, tuple(files), np.array(labels, dtype=np.int64))
