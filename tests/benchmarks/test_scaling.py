"""The scaling command at sizes that take moments."""

from __future__ import annotations

import json

from click.testing import CliRunner

from benchmarks import scaling

TINY = ["--layers", "1", "--nodes", "1", "--batch", "2", "--image-size", "8", "--repeats", "1"]


def run(monkeypatch, *options):
    # The peak is measured in another process, whose start takes longer than all the rest.
    monkeypatch.setattr("benchmarks.harness.contest.aside", lambda *work: 2**20)
    return CliRunner().invoke(scaling.main, [*TINY, *options], catch_exceptions=False)


def test_json_holds_a_row_for_an_axis_and_a_step(monkeypatch):
    result = run(monkeypatch, "--axes", "channels", "--values", "4,2", "--peer", "generic", "--json")
    ours, peer = json.loads(result.output.splitlines()[-1])["rows"]
    assert (ours["axis"], ours["step"], ours["values"]) == ("channels", "ours", [2, 4])
    assert (peer["step"], len(peer["ratios"])) == ("generic", 2)
    assert ours["memory"] == {"fitted": 0, "smallest": 0, "largest": 0}
    rounding = 1e-9  # of the times' exponents, which may all be one number
    assert ours["time"]["smallest"] - rounding <= ours["time"]["fitted"] <= ours["time"]["largest"] + rounding


def test_values_without_one_axis_are_refused(monkeypatch):
    for options in (["--values", "2,4"], ["--axes", "batch", "--values", "2"], ["--values", "x,y"]):
        result = run(monkeypatch, *options)
        assert result.exit_code == 2
        assert "--values needs one axis" in result.output
