"""The command line of the check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nni_darts.check.__main__ import main

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose one fixture holds a single operation."""
    _save(tmp_path, {})
    return tmp_path


def _save(folder: Path, change: dict[str, object]) -> None:
    with np.load(FIXTURES / "cnn_ops.npz") as arrays:
        kept = {key: arrays[key] for key in arrays if key.startswith("dil_conv_3x3/")}
    np.savez(folder / "cnn_ops.npz", **{**kept, **change})


def test_one_line_per_quantity_and_exit_code_0(folder: Path) -> None:
    result = CliRunner().invoke(main, [str(folder)])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("cnn_ops.npz  dil_conv_3x3/s1 out  ")
    assert lines[0].endswith("  1e-09  pass")
    assert lines[-1] == "14 quantities in 1 files, 0 failed"


def test_a_wrong_number_gives_exit_code_1(folder: Path) -> None:
    with np.load(folder / "cnn_ops.npz") as arrays:
        wrong = arrays["dil_conv_3x3/s2/d_x"] * (1 + 1e-8)
    _save(folder, {"dil_conv_3x3/s2/d_x": wrong})
    result = CliRunner().invoke(main, [str(folder)])
    assert result.exit_code == 1
    assert [line for line in result.output.splitlines() if "FAIL" in line] == [
        "cnn_ops.npz  dil_conv_3x3/s2 d_x  1.0e-08  1e-09  FAIL"
    ]


def test_json(folder: Path) -> None:
    shutil.copy(folder / "cnn_ops.npz", folder / "cnn_ops_B.npz")
    _save(folder, {"dil_conv_3x3/s1/out": np.zeros(3)})
    result = CliRunner().invoke(main, [str(folder), "--json", "--suffix", "B"])
    rows = json.loads(result.output)
    assert {row["file"] for row in rows} == {"cnn_ops.npz", "cnn_ops_B.npz"}
    (failed,) = [row for row in rows if not row["passed"]]
    assert failed == {
        "file": "cnn_ops.npz",
        "quantity": "dil_conv_3x3/s1 out",
        "error": None,
        "tolerance": 1e-9,
        "passed": False,
    }


def test_a_folder_without_fixtures_gives_exit_code_2(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, [str(tmp_path)]).exit_code == 2
    assert CliRunner().invoke(main, [str(tmp_path / "absent")]).exit_code == 2
