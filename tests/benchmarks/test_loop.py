from __future__ import annotations

import pytest

from benchmarks import loop
from benchmarks.loop import LOOPS, Loop, Turns, measure, row_of, table

TINY = {"init_channels": 2, "layers": 2}
SMALL = {
    "search": {
        "search": {"batch_size": 2, "supernet": "generic"},
        "space": {"args": {**TINY, "nodes": 1}},
        "method": {"name": "darts", "order": 1},
    },
    "retrain": {"retrain": {"batch_size": 2, "seeds": [0], "network": {**TINY, "auxiliary": False}}},
}


@pytest.mark.parametrize("stage", ["search", "retrain"])
def test_an_epoch_of_the_loop_and_its_bare_steps_take_turns(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "IMAGES", 60)
    (whole,) = (known for known in LOOPS.values() if known.stage == stage)
    small = Loop(stage, 2, SMALL[stage], whole.trainer_of, whole.full)
    turns = measure(small, "cpu", epochs=2)
    assert len(turns.whole) == len(turns.within) == len(turns.alone) == 2
    assert all(0 < within < whole for whole, within in zip(turns.whole, turns.within, strict=True))
    assert "| tiny |" in table([row_of("tiny", small, turns)])


def test_shares_are_of_the_bare_steps() -> None:
    turns = Turns(lambda: None, lambda: 0.0)
    turns.whole, turns.within, turns.alone = [13.0, 15.0], [11.0, 13.0], [10.0, 10.0]
    row = row_of("x", Loop("search", 10, {}, "", 100), turns)
    assert row["bare_step_ms"] == 1000
    assert (row["steps_percent_min"], row["steps_percent"]) == pytest.approx((10, 20))
    assert row["once_an_epoch_ms"] == 2000
    # 2 s once in an epoch of 100 steps of 1 s.
    assert row["overhead_percent"] == pytest.approx(22)
