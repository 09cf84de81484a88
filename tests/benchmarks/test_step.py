"""The command, at sizes that take moments: what it prints, not how fast it was."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.step import main

TINY = [
    *("--channels", "4", "--layers", "2", "--nodes", "2", "--batch", "2", "--image-size", "8"),
    *("--repeats", "2", "--warm-up", "0"),
]


def run(*options: str) -> list[str]:
    result = CliRunner().invoke(main, [*TINY, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_last_line_is_json_with_a_row_for_every_peer_and_order():
    found = json.loads(run("--peers", "generic", "--quantities", "", "--json")[-1])
    assert [(row["order"], row["peer"]) for row in found["rows"]] == [(1, "generic"), (2, "generic")]
    for row in found["rows"]:
        assert 0 < row["ratio_min"] <= row["ratio"] <= row["ratio_max"]
        assert row["kernels"] is None
    assert [row["ratio"] for row in found["ours"]] == [1.0, 1.0]


def test_peers_that_cannot_run_are_named_with_the_reason():
    lines = run("--order", "1", "--peers", "nni,original", "--quantities", "", "--json")
    assert any("quark0/darts: give --peer-darts PATH" in line for line in lines)
    absent = json.loads(lines[-1])["absent"]
    assert [(row["order"], row["peer"]) for row in absent] == [(1, "nni"), (1, "original")]
    assert "4 nodes" in absent[0]["reason"]


def test_an_unknown_peer_is_refused_with_the_known_ones():
    result = CliRunner().invoke(main, [*TINY, "--peers", "generic,nasty"])
    assert result.exit_code == 2
    assert '"nasty" is none of generic, nni, original, betty, naslib, eager' in result.output


@pytest.mark.parametrize("folder", ["", "cnn"])
def test_a_folder_that_is_no_checkout_is_named(tmp_path, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    lines = run(*("--order", "1", "--peers", "original", "--quantities", ""), "--peer-darts", str(tmp_path))
    assert "has no genotypes.py, operations.py, model_search.py, architect.py" in lines[-1]
