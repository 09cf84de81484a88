"""The state of every global random generator, as plain tensors and numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """States of torch, CUDA, numpy and Python, in types that ``torch.load(weights_only=True)`` reads."""
    generator = np.random.get_state(legacy=False)
    key = torch.from_numpy(generator["state"]["key"].astype(np.int64))
    version, numbers, next_gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": {**generator, "state": {"key": key, "pos": generator["state"]["pos"]}},
        "python": [version, list(numbers), next_gauss],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Set every generator that the state names; CUDA only where as many GPUs are there as then."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available() and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
    key, position = state["numpy"]["state"]["key"], state["numpy"]["state"]["pos"]
    np.random.set_state({**state["numpy"], "state": {"key": key.numpy().astype(np.uint32), "pos": position}})
    version, numbers, next_gauss = state["python"]
    random.setstate((version, tuple(numbers), next_gauss))


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Whatever is drawn inside, every generator goes on as if nothing had been."""
    before = random_state()
    try:
        yield
    finally:
        restore_random_state(before)
