"""The architecture file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Architecture, Genotype, sample_of
from tests.genotype.strategies import any_genotypes, space_genotypes


@given(any_genotypes())
def test_json_round_trip(genotype: Genotype) -> None:
    architecture = Architecture.from_genotype(genotype, method="darts", macro={"layers": 8})
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture
    assert again.genotype == genotype
    assert again.to_json() == architecture.to_json()


@given(space_genotypes())
def test_sample_json_genotype_text_and_back(genotype: Genotype) -> None:
    sample = sample_of(genotype)
    read = Architecture.from_json(Architecture.from_sample(sample).to_json())
    assert read.nni == sample
    assert Genotype.parse(str(read.genotype)) == genotype
    assert Architecture.from_genotype(genotype) == read


def test_file_round_trip(tmp_path: Path) -> None:
    architecture = Architecture.from_genotype(
        PUBLISHED["DARTS_V1"], macro={"nodes": 4}, provenance={"seed": 2, "epochs": 50}
    )
    path = architecture.write(tmp_path / "genotype.json")
    assert Architecture.read(path) == architecture
    assert list(json.loads(path.read_text())) == [
        "schema",
        "space",
        "method",
        "cells",
        "macro",
        "nni",
        "provenance",
    ]


def test_cells_outside_the_space_are_stored_without_a_sample() -> None:
    assert Architecture.from_genotype(PUBLISHED["NASNet"]).nni is None


def test_sample_of_another_space_has_no_cells() -> None:
    architecture = Architecture.from_sample({"width": np.int64(3), "op": ("a", 1)}, space="mine.spaces:Wide")
    assert architecture.genotype is None
    assert Architecture.from_json(architecture.to_json()).nni == {"width": 3, "op": ["a", 1]}


def test_tuples_and_numpy_scalars_become_json_at_once() -> None:
    macro = {"primitives": ("none", "skip_connect"), "layers": np.int64(8)}
    architecture = Architecture.from_genotype(PUBLISHED["DARTS_V2"], macro=macro)
    assert architecture.macro == {"primitives": ["none", "skip_connect"], "layers": 8}
    assert Architecture.from_json(architecture.to_json()) == architecture


def test_sample_keeps_what_random_search_put_on_edges_not_chosen() -> None:
    sample = sample_of(PUBLISHED["DARTS_V2"], inert="skip_connect")
    architecture = Architecture.from_sample(sample)
    assert architecture.nni == sample
    assert architecture.genotype == PUBLISHED["DARTS_V2"]


def test_operations_of_a_users_own_space_are_not_judged() -> None:
    own = Genotype.of([("my_op", 0), ("my_op", 1)], [("my_op", 0), ("my_op", 1)])
    assert Architecture.from_genotype(own, space="mine.spaces:Cells").genotype == own


def _good() -> dict[str, Any]:
    return Architecture.from_genotype(PUBLISHED["DARTS_V2"]).to_dict()


def _changed(path: str, value: Any) -> dict[str, Any]:
    data = _good()
    *parents, last = path.split(".")
    here: Any = data
    for key in parents:
        here = here[int(key) if key.isdigit() else key]
    here[int(last) if last.isdigit() else last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("schema", 2, "schema: Input should be 1, got 2."),
        ("colour", "red", "colour: unknown field."),
        ("space", "", "space: String should have at least 1 character"),
        ("space", 3, "space: Input should be a valid string, got 3."),
        ("method", 3, "method: Input should be a valid string"),
        ("macro", [], "macro: Input should be a valid dictionary"),
        ("nni", [], "nni: Input should be a valid dictionary"),
        ("provenance", None, "provenance: Input should be a valid dictionary"),
        ("cells", {}, "cells.normal: missing."),
        ("cells", None, "cells: missing, though 'nni' is the sample of a cell space."),
        ("cells.normal.extra", 1, "cells.normal.extra: unknown field."),
        (
            "cells.normal.edges.0",
            ["sep_conv_3x3", "0"],
            "cells.normal.edges.0.1: Input should be a valid integer",
        ),
        (
            "cells.normal.edges.0",
            ["sep_conv_3x3", True],
            "cells.normal.edges.0.1: Input should be a valid integer",
        ),
        ("cells.normal.edges.0", ["sep_conv_3x3", 2], "has the input 2, but node 2 takes inputs 0 to 1."),
        (
            "cells.normal.edges.0",
            ["sep_conv_3x4", 0],
            "operation 'sep_conv_3x4' is unknown; did you mean 'sep_conv_3x3'?",
        ),
        ("cells.normal.edges.0", ["banana", 0], "operation 'banana' is unknown; known are none,"),
        ("cells.normal.concat", [9], "normal_concat: 9 is no node of the cell"),
        ("macro", {"nodes": 5}, "The normal cell has 4 nodes, but macro.nodes is 5."),
        ("nni.normal/input_2", [1, 0], "cells and nni differ: the sample in 'nni' means Genotype("),
        ("nni.normal/input_9", [1, 0], "unknown label 'normal/input_9'"),
    ],
)
def test_every_wrong_field_is_refused_with_a_sentence(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Architecture.from_dict(_changed(path, value))
    assert any(sentence in problem for problem in caught.value.problems)


def test_an_empty_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match="neither 'cells' nor an 'nni' sample"):
        Architecture.from_dict({"schema": 1})


@pytest.mark.parametrize("text", ["", "[1", "null", "[]", '"x"', "[" * 100_000])
def test_text_that_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Architecture.from_json(text)


def test_problems_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "genotype.json"
    path.write_text(json.dumps(_changed("schema", 7)))
    with pytest.raises(ConfigError, match=r"genotype\.json: schema: Input should be 1, got 7"):
        Architecture.read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Architecture.read(tmp_path / "absent.json")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        Architecture.read(path)
