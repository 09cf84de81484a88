"""What shared weights say of operations, as ``benchmarks.paths`` sums it up."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from benchmarks import paths as command
from benchmarks.paths import AGREEMENT, summary
from benchmarks.recipes import images
from nni_darts.benchmarks import NasBench201
from nni_darts.genotype.nasbench201 import OPERATIONS, BenchmarkCell
from tests.benchmarks.test_methods import CODES


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NasBench201:
    """Cells are as good as their codes are large."""
    names = ("c10_test_200", "c100_test_200", "in16_test_200")
    percent = [100 * k / len(CODES) for k in range(len(CODES))]
    path = tmp_path / "table.csv"
    pd.DataFrame({"cell": CODES, **dict.fromkeys(names, percent)}).to_csv(path, index=False)
    monkeypatch.setenv("NNI_DARTS_NASBENCH201", str(path))
    return NasBench201.read()


def test_an_operation_is_as_good_as_the_paths_through_it(table: NasBench201):
    losses = {"111111": 2.0, "111333": 1.0, "333333": 3.0}
    found = summary({BenchmarkCell.of_code(code): loss for code, loss in losses.items()}, table)
    # Nine edges of each operation; the mean of all is 2.
    assert found["skip_connect"] == pytest.approx((6 * 2 + 3 * 1) / 9 - 2)
    assert found["nor_conv_3x3"] == pytest.approx((3 * 1 + 6 * 3) / 9 - 2)
    assert math.isnan(found["none"])
    # Ranks of the losses 2, 1, 3 against ranks of the truth 1, 2, 3: a correlation of 1/2, less being better.
    assert found[AGREEMENT] == pytest.approx(-0.5)


def test_the_command_watches_a_search(table: NasBench201, monkeypatch: pytest.MonkeyPatch):
    noise = [(torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8), k % 2) for k in range(64)]
    monkeypatch.setattr(images.Part, "pairs", noise)
    monkeypatch.setattr(images, "chosen", images.chosen)
    result = CliRunner().invoke(command.main, ["--images", "64", "--epochs", "3", "--paths", "9"])
    assert result.exit_code == 0, result.output
    rows = [line.split("|")[1:-1] for line in result.stdout.splitlines() if line.startswith("|")]
    assert len(rows[0]) == len(OPERATIONS) + 2
    assert [row[0].strip() for row in rows[2:]] == ["1", "2"]  # of one step an epoch


def test_without_the_benchmark_the_command_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NNI_DARTS_NASBENCH201", raising=False)
    monkeypatch.setattr(
        images.Part, "pairs", [(torch.zeros(3, 8, 8, dtype=torch.uint8), k % 2) for k in range(8)]
    )
    result = CliRunner().invoke(command.main, ["--images", "8"])
    assert result.exit_code == 2
    assert "NNI_DARTS_NASBENCH201" in result.stderr
