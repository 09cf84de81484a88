"""The high-water mark of a step whose tensors are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.harness.memory import peak_above_idle

MB = 2**20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system keeps no such mark")
def test_the_peak_is_what_lives_at_once_above_what_stays():
    kept = torch.ones(40 * MB, dtype=torch.uint8)

    def step() -> None:
        first = torch.ones(30 * MB, dtype=torch.uint8)
        del first
        torch.ones(20 * MB, dtype=torch.uint8) + torch.ones(20 * MB, dtype=torch.uint8)

    peak = peak_above_idle(step, "cpu")
    assert peak is not None
    # Two terms and their sum; less than one term of slack for the interpreter's own.
    assert 60 * MB <= peak < 64 * MB
    assert kept.all()
