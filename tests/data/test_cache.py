from __future__ import annotations

import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nni_darts.config.data import Data
from nni_darts.data import Images, decode, load
from nni_darts.errors import ConfigError

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


def test_large_images_are_mapped_to_be_read_only(settings: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    index = np.array([6, 1])
    wanted = load(settings).train.subset(index).images
    for module in ("cache", "images"):
        monkeypatch.setattr(f"nni_darts.data.{module}.IN_MEMORY", 100)
    writeable = []
    original = Images.from_numpy
    monkeypatch.setattr(
        Images, "from_numpy", lambda *pair: writeable.append(pair[0].flags.writeable) or original(*pair)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        large = load(settings)
    assert writeable == [False]
    kept = large.train.subset(index)
    assert kept.images is large.train.images
    assert torch.equal(kept.batch(slice(None))[0], wanted)


def test_a_disk_that_is_too_small_is_said_before_decoding(
    settings: Data, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(settings)  # the part that reads heads of files
    usage = SimpleNamespace(free=647)
    monkeypatch.setattr("nni_darts.data.cache.shutil.disk_usage", lambda _path: usage)
    monkeypatch.setattr("nni_darts.data.folder.decode", None)
    with pytest.raises(ConfigError, match=r"need 0\.0 GB and .* set NNI_DARTS_CACHE to a larger disk"):
        load(settings.model_copy(update={"image_size": 9}))
    assert len(list(cache.iterdir())) == 1, "nothing half-written"


def test_large_images_are_not_decoded_into_memory(
    settings: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNI_DARTS_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("nni_darts.data.cache.IN_MEMORY", 100)
    with pytest.raises(ConfigError, match="cannot be written .*set NNI_DARTS_CACHE"):
        load(settings)


def test_files_beyond_one_portion_of_the_threads(settings: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load(settings)
    monkeypatch.setattr(decode, "AT_ONCE", 3)
    monkeypatch.setenv("NNI_DARTS_CACHE", f"{settings.root}-second")
    portions = load(settings)
    assert torch.equal(portions.train.images, whole.train.images)
    assert portions.info == whole.info
