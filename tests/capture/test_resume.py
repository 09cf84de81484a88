"""A captured search that was stopped continues to the bit, captured or not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from nni_darts.errors import Interrupted
from nni_darts.training.checkpoint import read_checkpoint
from tests.capture.fakes import Rerun, Tape
from tests.capture.interrupted import part
from tests.capture.searches import Drawing, largest_difference

run = partial(part, order=2, classifier=Drawing)


@pytest.mark.parametrize("stop", [3, 4, 6])
def test_bit_identical(tmp_path: Path, stop: int) -> None:
    """Stopped in the middle of an epoch and at its end, recorded again after the start."""
    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", Tape(), stop)
    resumed = run(tmp_path / "stopped", Tape(), resume=True)
    assert largest_difference(resumed, run(tmp_path / "whole", Rerun(fused=True))) == 0


def test_a_checkpoint_does_not_tell_whether_steps_were_captured(tmp_path: Path) -> None:
    contents = []
    for name, graphs in (("captured", Rerun()), ("not", None)):
        with pytest.raises(Interrupted):
            run(tmp_path / name, graphs, stop=6)
        contents.append(read_checkpoint(tmp_path / name / "last.ckpt"))
    for content in contents:
        del content["nni_darts"]
    assert largest_difference(*contents) == 0
    uncaptured = run(tmp_path / "captured", None, resume=True)
    captured = run(tmp_path / "not", Rerun(), resume=True)
    assert largest_difference(uncaptured, captured) == 0
