from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_darts.data import Augment, DataInfo, Normalise
from nni_darts.data.augment import cutout_mask


def batch_of(count: int, height: int = 32, width: int = 32, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, 256, (count, channels, height, width), generator=generator, dtype=torch.uint8)


def test_cutout_has_the_paper_s_mean_area() -> None:
    pixels = torch.cartesian_prod(torch.arange(32), torch.arange(32))
    rows, columns = pixels.unbind(1)
    mask = cutout_mask(rows, columns, (32, 32), 16)
    area = mask.sum((1, 2))
    assert area.float().mean() == 196.0
    assert (area.min(), area.max()) == (64, 256)
    sides = mask.any(2).sum(1)
    assert (sides.min(), sides.max()) == (8, 16)
    assert sides.float().mean() == 14.0
    assert (mask.any(1).sum(1) * sides == area).all()  # always a full rectangle


def test_cutout_covers_the_original_s_rows() -> None:
    # cnn/utils.py: y1 = clip(y - 8, 0, h), y2 = clip(y + 8, 0, h), rows y1 .. y2 - 1.
    for y in range(32):
        rows = cutout_mask(torch.tensor([y]), torch.tensor([16]), (32, 32), 16)[0].any(1).nonzero().flatten()
        assert rows.tolist() == list(range(int(np.clip(y - 8, 0, 32)), int(np.clip(y + 8, 0, 32))))


def test_cutout_erases_to_the_mean_colour_after_normalisation(info: DataInfo) -> None:
    batch = batch_of(200)
    plain = Augment(info, crop_padding=0, flip=False)(batch, torch.Generator().manual_seed(0))
    cut = Augment(info, crop_padding=0, flip=False, cutout_length=16)(batch, torch.Generator().manual_seed(0))
    erased = (cut == 0).all(1)
    assert torch.equal(cut[~erased[:, None].expand_as(cut)], plain[~erased[:, None].expand_as(cut)])
    area = erased.sum((1, 2)).float()
    assert area.min() >= 64 and area.max() <= 256
    assert area.mean() == pytest.approx(196, rel=0.1)


@pytest.mark.parametrize(("height", "width", "pad"), [(32, 32, 4), (5, 7, 2), (8, 8, 0)])
def test_crop_and_flip_equal_the_slow_loop(height: int, width: int, pad: int) -> None:
    batch = batch_of(30, height, width)
    info = DataInfo("toy", 2, 3, (height, width), (0.0,) * 3, (1.0,) * 3, ("a", "b"))
    result = Augment(info, crop_padding=pad, flip=True)(batch, torch.Generator().manual_seed(3)) * 255

    generator = torch.Generator().manual_seed(3)
    top = torch.randint(2 * pad + 1, (30,), generator=generator)
    left = torch.randint(2 * pad + 1, (30,), generator=generator)
    mirror = torch.randint(2, (30,), generator=generator)
    assert 0 < mirror.sum() < 30
    for index in range(30):
        padded = np.pad(batch[index].numpy(), ((0, 0), (pad, pad), (pad, pad)))
        crop = padded[:, top[index] : top[index] + height, left[index] : left[index] + width]
        expected = crop[:, :, ::-1] if mirror[index] else crop
        np.testing.assert_allclose(result[index].numpy(), expected, atol=1e-4)


def test_all_crops_and_both_directions_occur_equally_often(info: DataInfo) -> None:
    # One bright pixel in the middle tells offset and direction of each image.
    batch = torch.zeros(9000, 3, 33, 33, dtype=torch.uint8)
    batch[:, :, 16, 16] = 255
    batch[:, :, 16, 0] = 128
    bright = Augment(info, crop_padding=1)(batch, torch.Generator().manual_seed(0))[:, 0]
    places = bright.flatten(1).argmax(1)
    counts = torch.bincount(places, minlength=33 * 33)
    assert (counts > 0).sum() == 9
    assert counts[counts > 0].min() > 800


def test_normalise_is_torchvision_s(info: DataInfo) -> None:
    from torchvision.transforms import v2

    batch = batch_of(4)
    want = v2.functional.normalize(batch.float() / 255, info.mean, info.std)
    assert torch.equal(Normalise(info)(batch), want)
    assert torch.equal(Augment(info, 0, False)(batch, torch.Generator()), want)


def test_the_generator_decides_alone(info: DataInfo) -> None:
    augment = Augment(info, cutout_length=8)
    state = torch.get_rng_state()
    first = augment(batch_of(8), torch.Generator().manual_seed(5))
    assert torch.equal(first, augment(batch_of(8), torch.Generator().manual_seed(5)))
    assert not torch.equal(first, augment(batch_of(8), torch.Generator().manual_seed(6)))
    assert torch.equal(state, torch.get_rng_state())


def test_grey_images_pass() -> None:
    info = DataInfo("grey", 2, 1, (8, 8), (0.3,), (0.4,), ("a", "b"))
    result = Augment(info, 1, True, 4)(batch_of(3, 8, 8, 1), torch.Generator())
    assert result.shape == (3, 1, 8, 8) and result.dtype == torch.float32 and result.is_contiguous()


def erased(info: DataInfo, epochs: int | None, epoch: int, count: int = 400) -> float:
    """The share of images of which something is erased."""
    augment = Augment(info, 0, False, 16, epochs)
    augment.set_epoch(epoch)
    cut = augment(batch_of(count), torch.Generator().manual_seed(1))
    return float((cut == 0).all(1).flatten(1).any(1).float().mean())


def test_cutout_grows_over_the_epochs(info: DataInfo) -> None:
    """Card r-darts, pitfalls: the probability is meant to be e / 49, and is 1 in the official code."""
    assert [erased(info, 50, epoch) for epoch in (0, 49, 60)] == [0, 1, 1]
    assert erased(info, 50, 14) == pytest.approx(14 / 49, abs=0.09)  # 4 sigma
    assert [erased(info, None, epoch) for epoch in (0, 14)] == [1, 1]
    assert erased(info, 1, 0) == 0


def test_a_growing_cutout_erases_the_squares_of_a_constant_one(info: DataInfo) -> None:
    batch = batch_of(50)
    growing, constant = Augment(info, cutout_length=16, cutout_epochs=3), Augment(info, cutout_length=16)
    growing.set_epoch(2)
    first, second = (augment(batch, torch.Generator().manual_seed(2)) for augment in (growing, constant))
    assert torch.equal(first, second)
