from __future__ import annotations

from types import SimpleNamespace

import pytest

from nni_darts.config.data import Data
from nni_darts.data import load
from nni_darts.errors import ConfigError


def test_digits() -> None:
    dataset = load(Data(name="digits"))
    assert dataset.info.channels == 1 and dataset.info.size == (8, 8) and dataset.info.num_classes == 10
    assert list(dataset.train.images.shape) == [1438, 1, 8, 8]
    assert list(dataset.test.images.shape) == [359, 1, 8, 8]
    assert dataset.train.images.max() == 255 and dataset.train.images.min() == 0
    # Stratified: a fifth of each class, and no image in both parts.
    per_class = dataset.test.labels.bincount()
    assert per_class.min() >= 34 and per_class.max() <= 37
    assert len(set(dataset.record["test_index"])) == 359


def test_the_test_set_is_opened_by_nobody_but_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="nni_darts.data")
    dataset = load(Data(name="digits"))
    assert "test set" not in caplog.text
    assert dataset.test is dataset.test
    assert caplog.text.count("opening the test set of digits") == 1


def test_unknown_name() -> None:
    with pytest.raises(ConfigError, match='"svhn" is not known'):
        load(SimpleNamespace(name="svhn"))
