"""The high-water mark of a step whose tensors are known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ALONE = """
import torch
from benchmarks.harness.memory import peak_above_idle

MB = 2**20
kept = torch.ones(40 * MB, dtype=torch.uint8)

def step():
    first = torch.ones(30 * MB, dtype=torch.uint8)
    del first
    torch.ones(20 * MB, dtype=torch.uint8) + torch.ones(20 * MB, dtype=torch.uint8)

print(peak_above_idle(step, "cpu") / MB)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system keeps no such mark")
def test_the_peak_is_what_lives_at_once_above_what_stays():
    # In a process of its own: what others freed would be taken again without a trace.
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=True)
    # Two terms and their sum; less than one term of slack for the interpreter's own.
    assert 59 <= float(done.stdout) < 64
