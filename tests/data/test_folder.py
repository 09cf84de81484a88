from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nni_darts.config.data import Data
from nni_darts.data import load
from nni_darts.errors import ConfigError

from .conftest import save_images


def folder(root: Path, **options) -> Data:
    return Data(name="image_folder", root=str(root), **options)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat", "ant", "bee")):
        save_images(tmp_path / "images" / "train" / name, 4, seed=number)
        save_images(tmp_path / "images" / "test" / name, 2, seed=10 + number)
    return tmp_path / "images"


def test_colour_folder_with_its_own_test_part(pair: Path) -> None:
    dataset = load(folder(pair))
    assert dataset.info.class_names == ("ant", "bee", "cat")
    assert (dataset.info.channels, dataset.info.size, dataset.info.num_classes) == (3, (6, 6), 3)
    assert dataset.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert dataset.test.labels.tolist() == [0] * 2 + [1] * 2 + [2] * 2
    with Image.open(pair / "train" / "bee" / "0001.png") as image:
        np.testing.assert_array_equal(dataset.train.images[5].numpy(), np.asarray(image).transpose(2, 0, 1))
    pixels = dataset.train.images.numpy() / 255
    np.testing.assert_allclose(dataset.info.mean, pixels.mean((0, 2, 3)))
    np.testing.assert_allclose(dataset.info.std, pixels.std((0, 2, 3)))
    json.dumps(dataset.record)


def test_one_tree_of_grey_images_is_split_stratified_and_the_split_is_stored(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        save_images(tmp_path / "images" / name / "deeper", 10, size=(5, 9), mode="L", seed=number)
    dataset = load(folder(tmp_path / "images"))
    assert (dataset.info.channels, dataset.info.size) == (1, (5, 9))
    assert dataset.train.labels.bincount().tolist() == [8, 8]
    assert dataset.test.labels.bincount().tolist() == [2, 2]
    names = [*dataset.record["train_files"], *dataset.record["test_files"]]
    assert len(set(names)) == 20
    assert load(folder(tmp_path / "images")).record == dataset.record
    assert load(folder(tmp_path / "images", split_seed=1)).record != dataset.record


def test_one_colour_image_makes_all_colour(pair: Path) -> None:
    save_images(pair / "train" / "grey", 2, mode="L")
    save_images(pair / "test" / "grey", 2, mode="L")
    dataset = load(folder(pair))
    assert dataset.info.channels == 3
    grey = dataset.train.images[dataset.train.labels == 3]
    assert (grey[:, 0] == grey[:, 1]).all()


def test_mixed_sizes_are_refused_or_scaled(pair: Path) -> None:
    save_images(pair / "train" / "cat", 1, size=(12, 20))
    with pytest.raises(ConfigError, match=r"differ in size .*12x20.*set data\.image_size"):
        load(folder(pair))
    dataset = load(folder(pair, image_size=8))
    assert dataset.info.size == (8, 8)
    assert list(dataset.train.images.shape) == [12, 3, 8, 8]
    assert list(dataset.test.images.shape) == [6, 3, 8, 8]


def test_scaling_keeps_proportions_by_cropping_the_middle(tmp_path: Path) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    pixels = np.zeros((8, 24), np.uint8)
    pixels[:, 8:16] = 200  # only the middle third survives a square crop
    for index in range(2):
        for name in "ab":
            (tmp_path / "images" / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{index}.png")
    assert load(folder(tmp_path / "images", image_size=8)).train.images.unique().tolist() == [200]


def test_a_test_image_of_another_size_is_refused(pair: Path) -> None:
    save_images(pair / "test" / "cat", 1, size=(7, 7))
    dataset = load(folder(pair))
    with pytest.raises(ConfigError, match="is 7x7, the training images are 6x6"):
        _ = dataset.test


def test_errors_are_sentences(tmp_path: Path, pair: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.root: missing"):
        load(Data(name="image_folder"))
    with pytest.raises(ConfigError, match="is not a folder"):
        load(folder(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no class folders"):
        load(folder(tmp_path / "empty"))
    (pair / "train" / "dog").mkdir()
    (pair / "train" / "eel").mkdir()
    with pytest.raises(ConfigError, match=r"class folder .*dog holds no images") as error:
        load(folder(pair))
    assert len(error.value.problems) == 2


def test_classes_of_both_parts_must_agree(pair: Path) -> None:
    save_images(pair / "train" / "dog", 2)
    save_images(pair / "test" / "eel", 2)
    with pytest.raises(ConfigError) as error:
        load(folder(pair))
    assert "lacks class dog" in str(error.value) and "has class eel" in str(error.value)


def test_val_is_the_test_part_where_there_is_no_other(pair: Path) -> None:
    before = load(folder(pair)).test.images
    (pair / "test").rename(pair / "val")
    assert torch.equal(load(folder(pair)).test.images, before)
    save_images(pair / "test" / "other", 1)
    with pytest.raises(ConfigError, match=r"test.* lacks class ant"):
        load(folder(pair))


def test_train_without_test(pair: Path) -> None:
    (pair / "test").rename(pair / "rest")
    with pytest.raises(ConfigError, match="train/ but no test/ or val/"):
        load(folder(pair))


@pytest.mark.parametrize("content", [b"not an image", b""])
def test_a_file_that_is_no_image(pair: Path, content: bytes, cache: Path) -> None:
    (pair / "train" / "cat" / "broken.jpg").write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.jpg is not a readable image"):
        load(folder(pair))
    assert not list(cache.glob("*")), "nothing half-written"


def test_a_truncated_image_leaves_no_cache(pair: Path, cache: Path) -> None:
    save_images(pair / "train" / "cat", 1, size=(64, 64), suffix="jpg")
    path = pair / "train" / "cat" / "0000.jpg"
    path.write_bytes(path.read_bytes()[:800])  # the head is whole, the pixels are not
    with pytest.raises(ConfigError, match=r"0000\.jpg is not a readable image"):
        load(folder(pair, image_size=6))
    assert not list(cache.iterdir())


def test_sixteen_bit_images_are_refused(pair: Path) -> None:
    Image.fromarray(np.full((6, 6), 40000, np.uint16)).save(pair / "train" / "cat" / "deep.png")
    with pytest.raises(ConfigError, match="more than 8 bits"):
        load(folder(pair))


def test_hidden_names_are_no_images(pair: Path) -> None:
    (pair / "train" / ".ipynb_checkpoints").mkdir()
    (pair / "train" / "cat" / "._0000.png").write_bytes(b"x")
    assert len(load(folder(pair)).train) == 12
