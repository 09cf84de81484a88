from __future__ import annotations

import torch

from nni_darts.memory import high_water

MEGABYTE = 2**20


def block() -> torch.Tensor:
    return torch.empty(MEGABYTE, dtype=torch.uint8)


def test_the_most_at_once_not_the_sum_nor_the_rest():
    kept = block()
    with high_water("cpu") as found:
        first = [block(), block()]
        del first
        second = [block(), block(), block()]
        del second
        last = block()
    assert found.bytes == 3 * MEGABYTE
    assert len(kept) == len(last)
