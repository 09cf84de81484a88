"""The GPU suite: what of it runs without one."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu

TINY = [
    *("--device", "cpu", "--channels", "2", "--layers", "1", "--nodes", "1", "--batch", "2"),
    *("--image-size", "8", "--repeats", "1", "--warm-up", "0"),
]


def test_every_part_leads_to_a_section(monkeypatch, tmp_path):
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(gpu, "write_section", partial(gpu.write_section, path=path))
    monkeypatch.setattr(gpu, "Plan", partial(gpu.Plan, quantities=frozenset()))
    parts = {name: gpu.Part(part.dtype, part.tf32, ("eager",)) for name, part in gpu.PARTS.items()}
    monkeypatch.setattr(gpu, "PARTS", parts)
    result = CliRunner().invoke(gpu.main, TINY, catch_exceptions=False)
    headings = [line for line in path.read_text().splitlines() if line.startswith("## ")]
    assert [heading.split("8x8, ")[1] for heading in headings] == ["float32", "float32, TF32", "bfloat16"]
    assert "ours, not captured: steps are captured on GPUs only" in result.output


def test_parts_that_find_no_time_are_named(monkeypatch):
    monkeypatch.setattr(gpu, "hold_session", None)
    result = CliRunner().invoke(
        gpu.main, [*TINY, "--minutes", "0", "--parts", "bf16"], catch_exceptions=False
    )
    assert result.output == "Left out for time: bf16\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    result = CliRunner().invoke(gpu.main, [])
    assert result.exit_code == 2
    assert "there is no GPU here" in result.output
