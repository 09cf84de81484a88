from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_darts.data import Images


def test_subset_keeps_pairs_together() -> None:
    images = Images.from_numpy(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), np.arange(5))
    part = images.subset([3, 1])
    assert part.images.flatten().tolist() == part.labels.tolist() == [3, 1]
    assert len(part) == 2


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2)),
    ],
)
def test_wrong_types_and_shapes_are_refused(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="want"):
        Images(images, labels)


def test_large_images_stay_where_they_are_and_serve_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1), np.arange(10) + 20
    index, again, where = [9, 1, 4, 7, 2], [4, 0, 2], torch.tensor([2, 0])
    small = Images.from_numpy(pixels, labels).subset(index).subset(again).to("cpu")
    monkeypatch.setattr("nni_darts.data.images.IN_MEMORY", 0)
    whole = Images.from_numpy(pixels, labels)
    large = whole.subset(index).subset(again).to("cpu")
    assert large.images is whole.images
    assert len(large) == len(small) == 3
    for position in (where, slice(1, 3)):
        for ours, wanted in zip(large.batch(position), small.batch(position), strict=True):
            assert torch.equal(ours, wanted)
    assert [part.flatten().tolist() for part in large.batch(where)] == [[4, 2], [24, 22]]


def test_large_images_stay_when_batches_are_for_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nni_darts.data.images.IN_MEMORY", 0)
    images = Images(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.arange(4)).subset([1, 2]).to("meta")
    assert (images.images.device.type, images.labels.device.type) == ("cpu", "meta")
    assert [part.device.type for part in images.batch(slice(0, 1))] == ["meta", "meta"]


def test_large_images_are_copied_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nni_darts.data.images.IN_MEMORY", 0)
    monkeypatch.setattr("nni_darts.data.images.PORTION", 2)
    pixels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    part = Images.from_numpy(pixels, np.arange(10) + 20).subset([9, 1, 4, 7, 2])
    copied = part.to("cpu", resident=True)
    assert (copied.rows, copied.images.flatten().tolist()) == (None, [9, 1, 4, 7, 2])
    assert [x.flatten().tolist() for x in copied.batch(torch.tensor([2, 0]))] == [[4, 9], [24, 29]]
    whole = Images.from_numpy(pixels, np.arange(10)).to("meta", resident=True)
    assert whole.images.device.type == "meta"


def test_small_images_stay_when_asked() -> None:
    images = Images(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.arange(4)).to("meta", resident=False)
    assert (images.images.device.type, images.labels.device.type) == ("cpu", "meta")
    assert [part.device.type for part in images.batch(torch.tensor([1]))] == ["meta", "meta"]
