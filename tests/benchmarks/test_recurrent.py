"""The command, at sizes that take moments: what it prints, and that all contenders compute the same."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.recurrent import discrete_contenders, main, search_contenders
from tests.supernet.fused.pairs import distance

TINY = ["--width", "4", "--batch", "3", "--steps", "2", "--repeats", "2"]


def test_the_last_line_is_json_with_every_contender():
    result = CliRunner().invoke(main, [*TINY, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output.splitlines()[-1])
    assert {cell: list(rows) for cell, rows in found.items()} == {
        "search": ["ours", "batched", "plain"],
        "discrete": ["ours", "plain"],
    }
    assert found["search"]["ours"]["median"] == 1.0


@pytest.mark.parametrize("contenders", [search_contenders, discrete_contenders])
def test_contenders_compute_the_same_gradients(contenders):
    ours, *others = [step() for step in contenders(4, 3, 5).values()]
    for other in others:
        for mine, theirs in zip(ours, other, strict=True):
            assert (mine is None) == (theirs is None)
            assert mine is None or distance(theirs, mine) < 1e-4
