from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nni_darts.data import DataInfo


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of decoded images of the test's own."""
    monkeypatch.setenv("NNI_DARTS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def info() -> DataInfo:
    return DataInfo("toy", 10, 3, (32, 32), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3), tuple("abcdefghij"))


def save_images(
    folder: Path,
    count: int,
    size: tuple[int, int] = (6, 6),
    mode: str = "RGB",
    seed: int = 0,
    suffix: str = "png",
) -> None:
    """``count`` random images of (H, W) pixels into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    shape = size if mode == "L" else (*size, 3)
    for index in range(count):
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels, mode=mode).save(folder / f"{index:04d}.{suffix}")
