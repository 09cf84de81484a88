from __future__ import annotations

import io
import random

import numpy as np
import torch

from nni_darts.training.random_state import random_state, restore_random_state


def draw() -> list[float]:
    return [torch.rand(1).item(), np.random.normal(), random.gauss(0, 1), random.random(), np.random.rand()]


def test_all_generators_continue_through_a_file() -> None:
    np.random.normal(), random.gauss(0, 1)  # leaves a second value waiting in both
    file = io.BytesIO()
    torch.save(random_state(), file)
    expected = draw()
    file.seek(0)
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    restore_random_state(torch.load(file, weights_only=True))
    assert draw() == expected
