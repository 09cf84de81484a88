"""Genotype <-> NNI sample."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Genotype, genotype_of, is_cell_sample, sample_of
from nni_darts.genotype.sample import chosen_operations
from tests.genotype.strategies import space_genotypes


@given(space_genotypes())
def test_sample_round_trip_through_json(genotype: Genotype) -> None:
    sample = json.loads(json.dumps(sample_of(genotype)))
    assert genotype_of(sample) == genotype
    assert sample_of(genotype_of(sample)) == sample


@given(space_genotypes(), st.sampled_from(["skip_connect", "sep_conv_3x3"]))
def test_operations_of_edges_not_chosen_do_not_matter(genotype: Genotype, other: str) -> None:
    assert genotype_of(sample_of(genotype, inert=other)) == genotype


def test_labels_and_the_order_of_inputs() -> None:
    genotype = Genotype.of(
        [("skip_connect", 1), ("none", 0), ("sep_conv_3x3", 2), ("dil_conv_3x3", 0)],
        [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("avg_pool_3x3", 1), ("avg_pool_3x3", 2)],
    )
    assert sample_of(genotype) == {
        "normal/edge_0_2": "none",
        "normal/edge_1_2": "skip_connect",
        "normal/input_2": [1, 0],
        "normal/edge_0_3": "dil_conv_3x3",
        "normal/edge_1_3": "none",
        "normal/edge_2_3": "sep_conv_3x3",
        "normal/input_3": [2, 0],
        "reduce/edge_0_2": "max_pool_3x3",
        "reduce/edge_1_2": "max_pool_3x3",
        "reduce/input_2": [0, 1],
        "reduce/edge_0_3": "none",
        "reduce/edge_1_3": "avg_pool_3x3",
        "reduce/edge_2_3": "avg_pool_3x3",
        "reduce/input_3": [1, 2],
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NASNet", "A node of the normal cell takes input 0 twice."),
        ("AmoebaNet", "The reduce cell concatenates [3, 4, 6], not all its nodes in order."),
    ],
)
def test_cells_outside_the_space_have_no_sample(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sample_of(PUBLISHED[name])
    assert sentence in caught.value.problems


def test_cells_of_unequal_size_have_no_sample() -> None:
    edges = [("none", 0), ("none", 1)]
    with pytest.raises(ConfigError, match="differ in their number of nodes"):
        sample_of(Genotype.of(edges, edges * 2))


def _darts() -> dict[str, Any]:
    return sample_of(PUBLISHED["DARTS_V2"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"normal/edge_0_9": "none"}, "unknown label 'normal/edge_0_9'"),
        ({"other": 1}, "unknown label 'other'"),
        ({"normal/input_3": [1]}, "normal/input_3: expected two different inputs between 0 and 2, got [1]."),
        ({"normal/input_3": [1, 1]}, "normal/input_3: expected two"),
        ({"normal/input_3": [0, 3]}, "normal/input_3: expected two"),
        ({"normal/input_3": [0, True]}, "normal/input_3: expected two"),
        ({"normal/input_3": "01"}, "normal/input_3: expected two"),
        ({"normal/input_99999999999": [0, 1]}, "unknown label 'normal/input_99999999999'"),
        ({"normal/edge_0_2": 5}, "has the operation 5"),
    ],
)
def test_samples_that_are_none_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        genotype_of({**_darts(), **change})
    assert sentence in str(caught.value)


def test_missing_labels_are_all_named() -> None:
    sample = _darts()
    del sample["reduce/input_5"], sample["normal/edge_0_2"]
    with pytest.raises(ConfigError) as caught:
        genotype_of(sample)
    assert [line.split("label ")[1] for line in caught.value.problems] == [
        "'normal/edge_0_2'.",
        "'reduce/input_5'.",
    ]


def test_number_of_nodes_can_be_demanded() -> None:
    with pytest.raises(ConfigError, match="lacks the label 'normal/edge_0_6'"):
        genotype_of(_darts(), nodes=5)


def test_cell_samples_are_told_from_others() -> None:
    assert is_cell_sample(_darts())
    assert not is_cell_sample({})
    assert not is_cell_sample({**_darts(), "width": 3})


def test_a_sample_without_normal_cells_mirrors_its_reduction_cell() -> None:
    sample = {label: value for label, value in _darts().items() if label.startswith("reduce/")}
    genotype = genotype_of(sample)
    assert genotype.normal == genotype.reduce == PUBLISHED["DARTS_V2"].reduce


def test_operations_of_edges_not_chosen_are_not_counted() -> None:
    genotype = Genotype.of([("skip_connect", 1), ("noise", 0)], [("noise", 0), ("noise", 1)])
    sample = sample_of(
        Genotype.of([*genotype.normal, ("noise", 2), ("noise", 0)], [*genotype.reduce] * 2),
        inert="skip_connect",
    )
    assert sorted(chosen_operations(sample)) == ["noise"] * 7 + ["skip_connect"]
    assert chosen_operations({"depth": [1], "a": "x", "b": "x"}) == ["x", "x"]
