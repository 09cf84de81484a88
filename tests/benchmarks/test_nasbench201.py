"""The true accuracies of NAS-Bench-201, on a made table and, where it is there, on the benchmark's own."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from nni_darts.benchmarks import NasBench201
from nni_darts.benchmarks.nasbench201 import VARIABLE
from nni_darts.errors import ConfigError
from nni_darts.genotype import BenchmarkCell

CODES = ["".join(digits) for digits in product("01234", repeat=6)]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Accuracies that follow the code, so every answer is known; on cifar100 pairs of cells are equal."""
    numbers = pd.Series(range(len(CODES)), dtype=float)
    return pd.DataFrame(
        {
            "index": range(len(CODES)),
            "cell": CODES,
            "c10_test_200": numbers / 1000,
            "c100_test_200": (numbers // 2) / 1000,
            "in16_test_200": -numbers,
            "c10_valid_12": 50.0,
        }
    )


@pytest.fixture
def file(table: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "nasbench201.csv"
    table.to_csv(path, index=False)
    return path


def test_accuracy_rank_mean_and_best(file: Path) -> None:
    benchmark = NasBench201.read(file)
    cell = BenchmarkCell.of_code("000012")
    assert benchmark.accuracy(cell) == 0.007
    assert benchmark.accuracy(cell, "c10_valid_12") == 50.0
    assert benchmark.row(cell)["in16_test_200"] == -7.0
    assert benchmark.columns == ["c10_test_200", "c100_test_200", "in16_test_200", "c10_valid_12"]
    assert [benchmark.rank(cell, name) for name in ("cifar10", "cifar100", "imagenet16-120")] == [
        *(15_625 - 7, 15_625 - 7, 8)
    ]
    assert benchmark.rank(BenchmarkCell.of_code("000011"), "cifar100") == 15_625 - 7
    assert benchmark.mean() == pytest.approx(7.812)
    assert benchmark.best() == (BenchmarkCell.of_code("444444"), 15.624)
    assert benchmark.best("imagenet16-120")[0].code == "000000"


def test_the_path_may_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(file))
    assert NasBench201.read().accuracy(BenchmarkCell.of_code("000001")) == 0.001
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigError, match=f"set {VARIABLE} to its CSV file"):
        NasBench201.read()


def test_an_unknown_column_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match='no column "svhn"; write cifar10, cifar100, imagenet16-120 or'):
        NasBench201.read(file).mean("svhn")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.drop(columns="cell"), 'has no column "cell"'),
        (lambda table: table.drop(columns="c100_test_200"), 'has no column "c100_test_200"'),
        (lambda table: table[1:], "has 15624 different cells in 15624 rows"),
        (lambda table: pd.concat([table[:-1], table[:1]]), "has 15624 different cells in 15625 rows"),
        (lambda table: table.replace({"cell": {"000012": "000015"}}), 'has the cell "000015", not six'),
        (lambda table: table.assign(c10_test_200="good"), 'no numbers in "c10_test_200"'),
        (lambda table: table.assign(in16_test_200=float("nan")), "no numbers in"),
    ],
)
def test_a_malformed_table_is_one_sentence(
    change, sentence: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.csv"
    change(table).to_csv(path, index=False)
    with pytest.raises(ConfigError) as caught:
        NasBench201.read(path)
    (problem,) = caught.value.problems
    assert sentence in problem
    assert problem.startswith(f"{path}: not the table of all 15625 cells")


def test_a_file_that_is_missing_or_no_csv(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.csv: the table of NAS-Bench-201 cannot be read"):
        NasBench201.read(tmp_path / "nothing.csv")
    for content in (b"", b"\xff\xfe\x00", b"a,b\n1,2,3\n1\n1,2,3,4,5\n"):
        (tmp_path / "no.csv").write_bytes(content)
        with pytest.raises(ConfigError, match="NAS-Bench-201"):
            NasBench201.read(tmp_path / "no.csv")


@pytest.fixture(scope="module")
def published() -> NasBench201:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the CSV file of NAS-Bench-201's accuracies")
    return NasBench201.read()


@pytest.mark.parametrize(
    ("code", "accuracies"),
    [
        ("111111", (54.30, 15.61, 16.32)),  # the all-skip cell that plain DARTS finds
        ("333123", (94.37, 73.09, 46.33)),  # of the results table of CDARTS (microsoft/Cream)
    ],
)
def test_published_accuracies(published: NasBench201, code: str, accuracies: tuple[float, ...]) -> None:
    cell = BenchmarkCell.of_code(code)
    found = [published.accuracy(cell, name) for name in ("cifar10", "cifar100", "imagenet16-120")]
    assert [round(value, 2) for value in found] == list(accuracies)


def test_published_optima(published: NasBench201) -> None:
    assert [round(published.best(name)[1], 2) for name in ("cifar10", "cifar100", "imagenet16-120")] == [
        *(94.37, 73.51, 47.31)
    ]
    best, _ = published.best()
    assert published.rank(best) == 1
