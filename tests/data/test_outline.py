from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nni_darts.config.data import Data
from nni_darts.data import outline as module
from nni_darts.data.outline import outline
from nni_darts.errors import ConfigError


def test_cifar_is_known_where_it_is_not_there(tmp_path: Path) -> None:
    found = outline(Data(name="cifar100", root=str(tmp_path / "nowhere")))
    assert found.source == "known sizes"
    assert (found.info.num_classes, found.info.channels, found.info.size) == (100, 3, (32, 32))
    assert np.bincount(found.labels).tolist() == [500] * 100


def test_digits_are_read() -> None:
    found = outline(Data(name="digits"))
    assert (found.source, len(found.labels), found.info.size) == ("read", 1438, (8, 8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("cat", 3), ("dog", 2)):
        (tmp_path / "train" / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (6, 4)).save(tmp_path / "train" / name / f"{number}.png")
    return tmp_path


def test_images_of_a_folder_are_counted_and_not_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load", lambda settings: pytest.fail("the images were read"))
    found = outline(Data(name="image_folder", root=str(folder)))
    assert found.source == "files counted"
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert (found.info.class_names, found.info.channels, found.info.size) == (("cat", "dog"), 3, (4, 6))
    assert outline(Data(name="image_folder", root=str(folder), image_size=5)).info.size == (5, 5)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        outline(Data(name="image_folder", root=str(tmp_path / "nowhere")))
    with pytest.raises(ConfigError, match=r"data\.root: missing"):
        outline(Data(name="image_folder"))
