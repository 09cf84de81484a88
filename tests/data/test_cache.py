from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nni_darts.config.data import Data
from nni_darts.data import decode, load

from .conftest import save_images


@pytest.fixture
def settings(tmp_path: Path) -> Data:
    for name in "ab":
        save_images(tmp_path / "images" / name, 5)
    return Data(name="image_folder", root=str(tmp_path / "images"))


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_args, **_options):
        raise AssertionError("an image file was opened")

    monkeypatch.setattr(decode.Image, "open", opened)


def test_the_second_run_opens_no_image(settings: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(settings)
    _ = first.test
    forbid_decoding(monkeypatch)
    second = load(settings)
    np.testing.assert_array_equal(first.train.images, second.train.images)
    np.testing.assert_array_equal(first.test.images, second.test.images)
    assert first.info == second.info


def test_searching_never_decodes_the_test_images(settings: Data, cache: Path) -> None:
    dataset = load(settings)
    assert len(list(cache.iterdir())) == 1
    _ = dataset.test
    assert len(list(cache.iterdir())) == 2


def test_a_changed_file_is_seen(settings: Data) -> None:
    before = load(settings).train.images.clone()
    root = Path(settings.root or "")
    for name in "ab":
        save_images(root / name, 5, seed=99)
        for path in (root / name).iterdir():
            os.utime(path, (1, 1))
    assert not np.array_equal(before, load(settings).train.images)


def test_writing_into_the_tensor_leaves_the_cache_alone(settings: Data) -> None:
    train = load(settings).train
    original = train.images.clone()
    train.images.zero_()
    np.testing.assert_array_equal(load(settings).train.images, original)


def test_a_cache_that_cannot_be_written(
    settings: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNI_DARTS_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load(settings).train) == 8
    assert "cannot be written" in caplog.text
