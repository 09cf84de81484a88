"""A stratified split into two, the same on every machine and with every version of torch."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from nni_darts.errors import ConfigError


def split(labels: Tensor | np.ndarray, portion: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (ascending) of the first and of the second part.

    Parameters
    ----------
    labels
        Class numbers [N], in any order; class-sorted folders are as good as shuffled ones.
    portion
        Share of every class that goes to the first part, rounded half up; each part gets at least one.
    seed
        Of ``numpy.random.PCG64``, whose permutation of all N decides who goes where.

    Raises
    ------
    ConfigError
        ``portion`` is not inside (0, 1), or a class has a single image.
    """
    if not 0 < portion < 1:
        raise ConfigError(f"train_portion: {portion} leaves one part empty; give a share between 0 and 1.")
    classes = np.asarray(labels)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(classes))
    first = np.zeros(len(classes), dtype=bool)
    for label in np.unique(classes):
        members = order[classes[order] == label]
        if len(members) < 2:
            raise ConfigError(f"class number {label} has 1 image, a split needs 2; add images or drop it.")
        quota = min(max(int(len(members) * portion + 0.5), 1), len(members) - 1)
        first[members[:quota]] = True
    return np.flatnonzero(first), np.flatnonzero(~first)
