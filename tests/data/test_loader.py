from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from nni_darts.data import Augment, BatchLoader, DataInfo, Images
from nni_darts.errors import ConfigError


def noisy(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shows in the result which random stream a batch got."""
    return batch.float() + torch.rand(batch.shape, generator=generator)


def make(count: int = 10, batch_size: int = 4, **options) -> BatchLoader:
    images = Images.from_numpy(np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1), np.arange(count))
    return BatchLoader(images, batch_size, noisy, **{"shuffle": True, "seed": 1, **options})


def served(loader: BatchLoader, count: int | None = None) -> list[tuple[list[float], list[int]]]:
    return [(x.flatten().tolist(), y.tolist()) for x, y in islice(loader, count)]


def test_a_pass_serves_every_image_once_with_its_own_label() -> None:
    loader = make()
    batches = served(loader)
    assert [len(y) for _, y in batches] == [4, 4, 2]
    assert len(loader) == 3
    assert sorted(label for _, y in batches for label in y) == list(range(10))
    assert all(int(value) == label for x, y in batches for value, label in zip(x, y, strict=True))


def test_drop_last() -> None:
    loader = make(drop_last=True)
    assert [len(y) for _, y in served(loader)] == [4, 4]
    assert len(loader) == 2


def test_without_shuffling_the_order_is_the_stored_one() -> None:
    assert [y for _, y in served(make(shuffle=False))] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_mixed_order_is_one_for_all_epochs() -> None:
    loader = make(shuffle=False, mixed=True)
    orders = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        orders += [[label for _, y in served(loader) for label in y] for _ in range(2)]
    assert all(order == orders[0] for order in orders)
    assert orders[0] != sorted(orders[0]) == list(range(10))


def test_an_epoch_depends_on_seed_and_epoch_only() -> None:
    loader = make()
    loader.set_epoch(5)
    later = served(loader)
    other = make()
    for epoch in (0, 3, 5):
        other.set_epoch(epoch)
        epoch_batches = served(other, 2) if epoch < 5 else served(other)
    assert epoch_batches == later
    loader.set_epoch(6)
    assert served(loader) != later
    loader = make(seed=2)
    loader.set_epoch(5)
    assert served(loader) != later


def test_augmentation_differs_between_batches_passes_and_epochs() -> None:
    loader = make(4, 2, shuffle=False)
    seen = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        seen += [x for _ in range(2) for x, _ in served(loader)]
    parts = {tuple(np.modf(x)[0].round(6)) for x in seen}
    assert len(parts) == len(seen) == 8


def test_epochs_without_a_trainer_are_passes_with_new_orders() -> None:
    loader = make()
    assert served(loader) != served(loader)


@pytest.mark.parametrize("consumed", [0, 1, 2, 3])
def test_resume_in_the_middle_of_an_epoch(consumed: int) -> None:
    whole = make()
    whole.set_epoch(3)
    expected = served(whole, 3)

    interrupted = make()
    interrupted.set_epoch(3)
    iterator = iter(interrupted)
    for _ in range(consumed):
        next(iterator)
    state = interrupted.state_dict()

    resumed = make()
    resumed.load_state_dict(state)
    iterator = iter(resumed)  # Lightning makes the iterator first and sets the epoch afterwards
    resumed.set_epoch(3)
    rest = [(x.flatten().tolist(), y.tolist()) for x, y in islice(iterator, len(expected) - consumed)]
    assert rest == expected[consumed:]


def test_resume_inside_a_second_pass_of_a_cycled_loader() -> None:
    def cycle(loader: BatchLoader, count: int) -> list:
        result: list = []
        while len(result) < count:
            result += served(loader, count - len(result))
        return result

    whole = make()
    whole.set_epoch(1)
    expected = cycle(whole, 8)
    interrupted = make()
    interrupted.set_epoch(1)
    cycle(interrupted, 5)
    resumed = make()
    resumed.load_state_dict(interrupted.state_dict())
    resumed.set_epoch(1)
    assert cycle(resumed, 3) == expected[5:]


def test_a_position_of_another_epoch_is_dropped() -> None:
    interrupted = make()
    served(interrupted, 2)
    resumed = make()
    resumed.load_state_dict(interrupted.state_dict())
    resumed.set_epoch(1)
    fresh = make()
    fresh.set_epoch(1)
    assert served(resumed) == served(fresh)


def test_order_and_augmentation_leave_global_random_states_alone() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    served(make())
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()


@pytest.mark.parametrize(("count", "drop_last"), [(3, True), (0, False)])
def test_too_few_images_are_refused(count: int, drop_last: bool) -> None:
    with pytest.raises(ConfigError, match="batch_size: 4 is more than the"):
        make(count, 4, drop_last=drop_last)


def test_a_schedule_of_the_augmentation_follows_the_epoch_of_the_batch_alone(info: DataInfo) -> None:
    """Also of a loader that begins in a later epoch, and of one that shares its augmentation."""
    augment = Augment(info, crop_padding=0, cutout_length=8, cutout_epochs=5)
    pixels = np.random.default_rng(0).integers(1, 256, (8, 3, 32, 32), dtype=np.uint8)
    images = Images.from_numpy(pixels, np.arange(8))

    def epochs(*numbers: int) -> dict[int, torch.Tensor]:
        found, loader = {}, BatchLoader(images, 4, augment, shuffle=True, seed=3)
        for number in numbers:
            loader.sampler.set_epoch(number)
            found[number] = torch.cat([x for x, _ in loader])
        return found

    whole = epochs(0, 1, 2, 3, 4)
    for number, later in epochs(3, 4).items():
        assert torch.equal(later, whole[number])
    loaders = [BatchLoader(images, 4, augment, shuffle=True, seed=3) for _ in range(2)]
    for loader, epoch in zip(loaders, (3, 4), strict=True):
        loader.sampler.set_epoch(epoch)
    pairs = list(zip(*loaders, strict=True))
    assert torch.equal(torch.cat([first[0] for first, _ in pairs]), whole[3])
    assert torch.equal(torch.cat([second[0] for _, second in pairs]), whole[4])
