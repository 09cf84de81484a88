from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.retrain import main

TINY = ["--channels", "2", "--layers", "3", "--batch", "2", "--repeats", "1", "--json"]


def test_ours_and_the_plain_network_are_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [*TINY, "--peer-darts", str(tmp_path)], catch_exceptions=False)
    found = json.loads(result.stdout.splitlines()[-1])
    assert [row["peer"] for row in found["ours"]] == ["ours"]
    assert [row["peer"] for row in found["rows"]] == ["plain", "plain_channels_last"]
    (ours,) = found["ours"]
    assert all(row["ratio"] > 0 and row["bytes"] > ours["bytes"] for row in found["rows"])
    # A checkout without the file is told apart from none at all.
    (absent,) = found["absent"]
    assert absent["reason"] == f"{tmp_path} has no genotypes.py, operations.py, utils.py, model.py."


@pytest.mark.parametrize("option", [["--dtype", "float16"], ["--peer-darts", "nowhere"]])
def test_wrong_options_are_refused(option: list[str]) -> None:
    assert CliRunner().invoke(main, option).exit_code == 2
