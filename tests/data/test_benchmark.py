from __future__ import annotations

from benchmarks.data import CASES, measure


def test_the_benchmark_of_loading_still_runs() -> None:
    times = list(measure(*CASES["digits, 8 channels, 3 cells"], steps=2, device="cpu"))
    assert len(times) == 2
    assert all(step > 0 for _, step in times)
