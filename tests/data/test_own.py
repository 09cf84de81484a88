from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from nni_darts.config.data import Data
from nni_darts.data import Dataset, load
from nni_darts.errors import ConfigError


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch):
    """Loads what a user's function returns."""

    def load_pair(train, test=None) -> Dataset:
        module = ModuleType("users_module")
        module.pair = lambda: (train, train if test is None else test)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "users_module", module)
        return load(Data(name="users_module:pair"))

    return load_pair


def test_float_tensors(own) -> None:
    images = torch.arange(8).view(4, 1, 1, 2) / 10
    dataset = own(TensorDataset(images, torch.tensor([0, 1, 2, 1])))
    assert dataset.info.num_classes == 3 and dataset.info.channels == 1 and dataset.info.size == (1, 2)
    assert dataset.train.images.flatten().tolist() == [round(i / 10 * 255) for i in range(8)]
    assert dataset.test.labels.tolist() == [0, 1, 2, 1]


def test_pil_and_grey_arrays(own) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    dataset = own([(Image.fromarray(colour), 0), (Image.fromarray(colour), 1)])
    np.testing.assert_array_equal(dataset.train.images[0].numpy(), colour.transpose(2, 0, 1))
    dataset = own([(colour[:, :, 0], 0), (colour[:, :, 1], 1)])
    assert list(dataset.train.images.shape) == [2, 1, 4, 5]


GREY = np.zeros((4, 4), np.uint8)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ([(GREY, 0), (GREY, 2)], "no image has label 1"),
        ([(GREY, 0)], "all images have label 0"),
        ([(GREY, -1), (GREY, 0)], "label -1"),
        ([], "is empty"),
        ([(GREY, 0), (GREY[:2], 1)], "all must have one size"),
        ([(GREY - 0.5, 0)], "values from -0.5"),
        ([(GREY.astype(np.int64), 0)], "type int64"),
        ([(np.zeros((4, 4, 3), np.uint8), 0)], "want .C, H, W."),
    ],
)
def test_errors_are_sentences(own, train, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        own(train)


def test_the_test_part_must_agree(own) -> None:
    dataset = own([(GREY, 0), (GREY, 1)], [(GREY, 2)])
    with pytest.raises(ConfigError, match="labels up to 2"):
        _ = dataset.test


@pytest.mark.parametrize("name", ["no_such_module:f", "json:no_such_function", ":f"])
def test_a_name_that_cannot_be_imported(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        load(Data(name=name))


def test_not_a_pair() -> None:
    with pytest.raises(ConfigError, match="must return two"):
        load(Data(name="os:getcwd"))
