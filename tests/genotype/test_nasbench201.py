"""A cell of NAS-Bench-201 in its three forms."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, BenchmarkCell, resolve
from nni_darts.genotype.nasbench201 import EDGES, OPERATIONS

#: Index 0 of the benchmark, the only asymmetric example whose string is published with its table.
FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"

cells = st.tuples(*[st.sampled_from(OPERATIONS)] * len(EDGES)).map(BenchmarkCell)


def test_the_benchmarks_own_example() -> None:
    cell = BenchmarkCell.of_string(FIRST)
    assert cell.code == "421211"
    assert str(BenchmarkCell.of_code("421211")) == FIRST
    assert cell.on(0, 3) == "nor_conv_1x1"
    assert cell.sample["cell/edge_1_3"] == "skip_connect"


@given(cells)
def test_every_form_reads_back(cell: BenchmarkCell) -> None:
    assert BenchmarkCell.of_code(cell.code) == cell
    assert BenchmarkCell.of_string(str(cell)) == cell
    assert BenchmarkCell.of_sample(cell.sample) == cell
    assert BenchmarkCell.parse(cell.code) == BenchmarkCell.parse(f" {cell} ") == cell


def test_codes_and_strings_are_one_to_one() -> None:
    codes = ["".join(digits) for digits in product("01234", repeat=6)]
    assert len({str(BenchmarkCell.of_code(code)) for code in codes}) == 15_625


def test_entries_of_a_node_may_stand_in_any_order() -> None:
    cell = BenchmarkCell.of_string("|none~0|+|skip_connect~1|none~0|+|none~2|none~0|none~1|")
    assert cell.code == "001000"


@pytest.mark.parametrize(
    "text",
    [
        "421215",
        "42121",
        "|none~0|+|none~0|none~1|",
        "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~2|+|none~0|none~1|none~2|",
        "|none~0|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|max_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "~",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="NAS-Bench-201"):
        BenchmarkCell.parse(text)


def test_samples_of_other_spaces_are_refused() -> None:
    sample = {**BenchmarkCell.of_string(FIRST).sample, "normal/edge_0_2": "none"}
    del sample["cell/edge_0_1"]
    with pytest.raises(ConfigError) as caught:
        BenchmarkCell.of_sample(sample)
    assert caught.value.problems == (
        "The sample has an unknown label 'normal/edge_0_2'.",
        "The sample lacks the label 'cell/edge_0_1'.",
    )


def test_architecture_file(tmp_path: Path) -> None:
    cell = BenchmarkCell.of_string(FIRST)
    architecture = Architecture.from_benchmark_cell(cell, method="darts", macro={"cells": 1})
    assert (architecture.genotype, architecture.benchmark_cell) == (None, cell)
    assert architecture.text == FIRST
    assert Architecture.read(architecture.write(tmp_path / "genotype.json")) == architecture
    assert Architecture.from_sample(cell.sample, space="nasbench201").benchmark_cell == cell
    with pytest.raises(ConfigError, match="no normal and reduction cell"):
        Architecture.from_dict({**resolve("DARTS_V2").to_dict(), "space": "nasbench201"})
    with pytest.raises(ConfigError, match="lacks the label 'cell/edge_0_1'"):
        Architecture.from_sample({"cell/edge_0_2": "none"}, space="nasbench201")


def test_whatever_names_a_cell_is_resolved(tmp_path: Path) -> None:
    file = tmp_path / "genotype.txt"
    file.write_text(FIRST + "\n")
    sample = Architecture.from_benchmark_cell(BenchmarkCell.of_code("421211")).nni
    texts = [FIRST, "421211", str(file), str(sample).replace("'", '"')]
    assert {resolve(text).text for text in texts} == {FIRST}
    assert {resolve(text).space for text in texts} == {"nasbench201"}
    with pytest.raises(ConfigError, match="A cell of NAS-Bench-201 is written"):
        resolve("|nor_conv_3x3~0|")
