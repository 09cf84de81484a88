from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from nni_darts.config.data import Data
from nni_darts.data import Images, load
from nni_darts.data.info import channel_statistics
from nni_darts.errors import ConfigError

from .conftest import save_images


def test_folders_of_images(tmp_path: Path) -> None:
    for number in range(10):
        for part in ("train", "test"):
            save_images(tmp_path / part / f"class{number}", 2, size=(32, 32), suffix="jpg")
    dataset = load(Data(name="cifar10", root=str(tmp_path)))
    assert dataset.info.mean == (0.49139968, 0.48215827, 0.44653124)
    assert list(dataset.train.images.shape) == [20, 3, 32, 32]
    with pytest.raises(ConfigError, match="has 10 classes, cifar100 has 100"):
        load(Data(name="cifar100", root=str(tmp_path)))


def test_folders_of_other_images(tmp_path: Path) -> None:
    for number in range(10):
        for part in ("train", "test"):
            save_images(tmp_path / part / f"class{number}", 1, size=(8, 8))
    with pytest.raises(ConfigError, match=r"set data\.name: image_folder"):
        load(Data(name="cifar10", root=str(tmp_path)))


def test_torchvision_s_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    pixels = np.arange(4 * 3072, dtype=np.int64).astype(np.uint8).reshape(4, 3072)
    base = tmp_path / "cifar-10-batches-py"
    base.mkdir()
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        (base / name).write_bytes(pickle.dumps({"data": pixels + number, "labels": [0, 1, 2, 9]}))
    (base / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda _: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    dataset = load(Data(name="cifar10", root=str(tmp_path)))
    assert list(dataset.train.images.shape) == [20, 3, 32, 32]
    np.testing.assert_array_equal(dataset.train.images[4].numpy().reshape(-1), pixels[0] + np.uint8(1))
    assert dataset.test.labels.tolist() == [0, 1, 2, 9]
    assert dataset.info.class_names == tuple("abcdefghij")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds neither train/<class>.*set data.download: true"):
        load(Data(name="cifar10", root=str(tmp_path)))


def test_the_real_images(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = os.environ.get("NNI_DARTS_DATA")
    if not shared or not (Path(shared) / "cifar10" / "train").is_dir():
        pytest.skip("set NNI_DARTS_DATA to a folder with cifar10/{train,test}/<class>/*.jpg to run this")
    monkeypatch.delenv("NNI_DARTS_CACHE")  # decode once, not once a test run
    dataset = load(Data(name="cifar10"))
    assert dataset.train.labels.bincount().tolist() == [5000] * 10
    assert dataset.info.class_names[0] == "airplane" and dataset.info.class_names[9] == "truck"
    mean, std = channel_statistics(dataset.train.images)
    np.testing.assert_allclose(mean, dataset.info.mean, atol=1e-3)  # re-encoded or original pixels alike
    np.testing.assert_allclose(std, dataset.info.std, atol=3e-3)
    assert list(dataset.test.images.shape) == [10000, 3, 32, 32]


def test_scaled_images_are_squares_of_uint8_in_the_same_order() -> None:
    values = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 8, 8) * 100
    images = Images(values.contiguous(), torch.tensor([2, 0, 1]))
    small = images.scaled(4)
    assert small.images.shape == (3, 3, 4, 4)
    assert small.images.dtype == torch.uint8
    assert small.images[:, 0, 0, 0].tolist() == [0, 100, 200]
    assert torch.equal(small.labels, images.labels)
    assert images.scaled(8) is images
