from __future__ import annotations

from itertools import islice

import pytest
import torch

from nni_darts.course.pairing import Endless, paired
from nni_darts.data import BatchLoader, Images


def endless(epoch: int = 0) -> Endless:
    """Ten images, batches of 4: three batches a pass."""
    images = Images(torch.zeros(10, 1, 2, 2, dtype=torch.uint8), torch.arange(10))
    loader = Endless(BatchLoader(images, 4, lambda batch, _: batch.float(), shuffle=True, seed=5))
    loader.set_epoch(epoch)
    return loader


def labels(loader: Endless, count: int) -> list[list[int]]:
    return [y.tolist() for _, y in islice(loader, count)]


def test_a_loader_that_ends_goes_on_with_a_new_order() -> None:
    seen = labels(endless(), 6)
    for one_pass in (seen[:3], seen[3:]):
        assert sorted(label for batch in one_pass for label in batch) == list(range(10))
    assert seen[:3] != seen[3:]


@pytest.mark.parametrize("consumed", [0, 2, 3, 5])
def test_it_continues_from_a_checkpoint_inside_any_pass(consumed: int) -> None:
    expected = labels(endless(epoch=3), 7)
    interrupted = endless(epoch=3)
    iterator = iter(interrupted)
    for _ in range(consumed):
        next(iterator)
    resumed = endless()
    resumed.load_state_dict(interrupted.state_dict())
    resumed.set_epoch(3)
    assert labels(resumed, 7 - consumed) == expected[consumed:]


def test_another_epoch_begins_at_its_beginning() -> None:
    interrupted = endless()
    labels(interrupted, 4)
    resumed = endless()
    resumed.load_state_dict(interrupted.state_dict())
    resumed.set_epoch(1)
    assert labels(resumed, 3) == labels(endless(epoch=1), 3)


def test_the_training_loader_sets_the_pace() -> None:
    train = torch.utils.data.DataLoader(list(range(7)), batch_size=None)
    batches = [batch for batch, *_ in iter(paired(train, endless().loader))]
    assert [int(batch["train"]) for batch in batches] == list(range(7))
    assert [len(batch["val"][1]) for batch in batches] == [4, 4, 2, 4, 4, 2, 4]


def test_nothing_comes_of_an_empty_loader() -> None:
    assert list(Endless([])) == []
