from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from nni_darts.config.data import Data
from nni_darts.data import Augment, BatchLoader, DataInfo, Images, Normalise, load, transforms
from nni_darts.data.imagenet import CentreCrop, RandomResizedCrops
from nni_darts.errors import ConfigError

from .conftest import save_images

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INFO = DataInfo("toy", 2, 3, (12, 12), MEAN, STD, ("a", "b"))
SETTINGS = Data(name="image_folder", root="x", augmentation="imagenet", image_size=16, crop_size=12)


def batch_of(count: int, side: int = 16) -> Tensor:
    return torch.randint(
        0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


def generator(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normalised(images: Tensor) -> Tensor:
    return v2.Normalize(MEAN, STD)(v2.ToDtype(torch.float32, scale=True)(images))


def folder(root: Path, **options) -> Data:
    given = {"augmentation": "imagenet", "image_size": 16, "crop_size": 12, **options}
    return Data(name="image_folder", root=str(root), **given)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number, name in enumerate("ab"):
        save_images(tmp_path / "images" / "train" / name, 4, size=(20, 24), seed=number)
        save_images(tmp_path / "images" / "val" / name, 2, size=(24, 18), seed=10 + number)
    return tmp_path / "images"


def test_without_colour_jitter_it_is_torchvisions_crop_and_flip_from_the_same_seed() -> None:
    batch = batch_of(8)
    result = RandomResizedCrops(INFO, jitter={})(batch, generator())
    seed = int(torch.randint(2**63 - 1, (), generator=generator()))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        crop, flip = v2.RandomResizedCrop(12), v2.RandomHorizontalFlip()
        want = torch.stack([normalised(flip(crop(image))) for image in batch])
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, want)


def test_the_colour_jitter_is_that_of_train_imagenet() -> None:
    crop, flip, jitter = RandomResizedCrops(INFO).transform.transforms
    assert (crop.size, crop.scale, crop.ratio) == ((12, 12), (0.08, 1.0), (3 / 4, 4 / 3))
    assert flip.p == 0.5
    assert jitter.brightness == jitter.contrast == jitter.saturation == (0.6, 1.4)
    assert jitter.hue == (-0.2, 0.2)
    assert not torch.equal(
        RandomResizedCrops(INFO)(batch_of(4), generator()),
        RandomResizedCrops(INFO, jitter={})(batch_of(4), generator()),
    )


def test_a_batch_depends_on_its_generator_alone_and_disturbs_nothing() -> None:
    augment = RandomResizedCrops(INFO)
    torch.manual_seed(0)
    first = augment(batch_of(4), generator())
    next_draw = torch.rand(3)
    torch.manual_seed(1)
    torch.testing.assert_close(augment(batch_of(4), generator()), first, rtol=0, atol=0)
    assert not torch.equal(augment(batch_of(4), generator(8)), first)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), next_draw)


def test_every_image_has_its_own_crop() -> None:
    same = batch_of(1).expand(6, -1, -1, -1)
    result = RandomResizedCrops(INFO)(same, generator())
    assert all(not torch.equal(result[0], other) for other in result[1:])


def test_no_flip() -> None:
    # Brightness grows to the right in every crop, unless it is mirrored.
    ramp = torch.arange(16, dtype=torch.uint8).mul(15).expand(40, 3, 16, 16).contiguous()

    def mirrored(flip: bool) -> int:
        result = RandomResizedCrops(INFO, flip, jitter={})(ramp, generator())
        return int((result[:, 0, 0, 0] > result[:, 0, 0, -1]).sum())

    assert mirrored(flip=False) == 0
    assert 10 < mirrored(flip=True) < 30


def test_evaluation_is_torchvisions_resize_and_centre_crop() -> None:
    batch = batch_of(3)
    want = normalised(v2.Compose([v2.Resize(16), v2.CenterCrop(12)])(batch))
    torch.testing.assert_close(CentreCrop(INFO)(batch), want)


def test_stored_images_are_those_that_torchvision_would_resize(tree: Path) -> None:
    smooth = np.linspace(0, 255, 20 * 32).reshape(20, 32).astype(np.uint8)
    Image.fromarray(np.stack([smooth] * 3, 2)).save(tree / "val" / "a" / "0000.png")
    dataset = load(folder(tree))
    with Image.open(tree / "val" / "a" / "0000.png") as image:
        resized = v2.Resize(16, v2.InterpolationMode.BICUBIC)(v2.functional.pil_to_tensor(image))
    difference = dataset.test.images[0].int() - v2.functional.center_crop(resized, [16, 16]).int()
    assert difference.abs().max() <= 4  # half a pixel of the ramp: 16 of 25.6 columns have no exact middle


def test_the_network_is_told_of_the_crop_and_of_imagenets_statistics(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nni_darts.data.folder.channel_statistics", None)  # would read all the images
    dataset = load(folder(tree))
    assert (dataset.info.size, dataset.info.mean, dataset.info.std) == ((12, 12), MEAN, STD)
    assert dataset.record["info"]["size"] == [12, 12]
    assert list(dataset.train.images.shape) == [8, 3, 16, 16]
    assert list(dataset.test.images.shape) == [4, 3, 16, 16]


def test_cifar_scaled_up_is_cropped_too(tmp_path: Path) -> None:
    for name in map(str, range(10)):
        save_images(tmp_path / "train" / name, 2, (32, 32))
        save_images(tmp_path / "test" / name, 1, (32, 32))
    options = {"augmentation": "imagenet", "image_size": 40, "crop_size": 36}
    dataset = load(Data(name="cifar10", root=str(tmp_path), **options))
    assert (dataset.info.size, dataset.info.mean) == ((36, 36), MEAN)
    assert list(dataset.train.images.shape) == [20, 3, 40, 40]


def test_grey_images_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        save_images(tmp_path / "images" / name, 4, mode="L")
    with pytest.raises(ConfigError, match=r"data\.augmentation: imagenet needs colour images"):
        load(folder(tmp_path / "images"))


def test_the_settings_choose_both_transforms() -> None:
    train, evaluate = transforms(SETTINGS.model_copy(update={"flip": False}), INFO)
    assert isinstance(train, RandomResizedCrops) and train.transform.transforms[1].p == 0
    assert isinstance(evaluate, CentreCrop)
    train, evaluate = transforms(Data(crop_padding=3, flip=False), INFO, cutout_length=5)
    assert isinstance(train, Augment)
    assert (train.crop_padding, train.flip, train.cutout_length) == (3, False, 5)
    assert isinstance(evaluate, Normalise)


def test_the_loader_serves_crops_that_depend_on_seed_epoch_and_batch() -> None:
    images = Images(batch_of(6), torch.arange(6))

    def served(seed: int, epoch: int) -> list[Tensor]:
        loader = BatchLoader(images, 4, transforms(SETTINGS, INFO).train, shuffle=True, seed=seed)
        loader.set_epoch(epoch)
        return [x for x, _ in loader]

    first = served(0, 1)
    assert [list(x.shape) for x in first] == [[4, 3, 12, 12], [2, 3, 12, 12]]
    assert all(torch.equal(a, b) for a, b in zip(first, served(0, 1), strict=True))
    assert not torch.equal(first[0], served(0, 2)[0])
    assert not torch.equal(first[0], served(1, 1)[0])
