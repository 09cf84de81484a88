"""Genotypes of recurrent cells in all their forms."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.errors import ConfigError
from nni_darts.genotype import (
    ACTIVATIONS,
    PUBLISHED,
    RECURRENT_CELLS,
    Architecture,
    RecurrentGenotype,
    recurrent_genotype_of,
    resolve,
    sample_of,
)

V2 = RECURRENT_CELLS["DARTS_V2_RNN"]
TEXT = (
    "Genotype(recurrent=[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), ('tanh', 2), "
    "('sigmoid', 5), ('tanh', 3), ('relu', 5)], concat=range(1, 9))"
)


@st.composite
def cells(draw: st.DrawFn) -> list[tuple[str, int]]:
    nodes = draw(st.integers(1, 8))
    return [(draw(st.sampled_from(ACTIVATIONS[1:])), draw(st.integers(0, node))) for node in range(nodes)]


@given(cells())
def test_sample_text_and_json_are_the_same_genotype(pairs: list[tuple[str, int]]) -> None:
    genotype = RecurrentGenotype.of(pairs)
    sample = sample_of(genotype)
    assert recurrent_genotype_of(sample) == genotype
    architecture = Architecture.from_sample(sample, method="darts")
    assert architecture == Architecture.from_genotype(genotype, method="darts")
    again = Architecture.from_json(architecture.to_json())
    assert (again, again.genotype, again.nni) == (architecture, genotype, sample)
    assert RecurrentGenotype.parse(str(genotype)) == genotype


def test_the_paper_cells_as_the_authors_print_them() -> None:
    assert str(V2) == TEXT
    assert str(RECURRENT_CELLS["ENAS_RNN"]).endswith("concat=[2, 5, 6, 9, 10, 11])")


def test_the_sample_holds_every_edge_and_one_input_a_node() -> None:
    sample = sample_of(V2)
    assert len(sample) == 36 + 8
    assert sample["recurrent/input_7"] == [3]
    assert sample["recurrent/edge_3_7"] == "tanh"
    assert sample["recurrent/edge_2_7"] == "none"


def test_the_file() -> None:
    architecture = resolve("DARTS_V2_RNN")
    data = architecture.to_dict()
    assert (data["space"], list(data["cells"])) == ("darts_rnn", ["recurrent"])
    assert data["cells"]["recurrent"]["edges"][:2] == [["sigmoid", 0], ["relu", 1]]
    assert architecture.text == TEXT


def test_what_a_user_may_type() -> None:
    classic = {"recurrent": V2.edges("recurrent"), "concat": list(V2.concat("recurrent"))}
    forms = ["DARTS_V2_RNN", TEXT, f"best = {TEXT}\n", json.dumps(sample_of(V2)), json.dumps(classic)]
    forms.append(resolve("DARTS_V2_RNN").to_json())
    assert [resolve(form).genotype for form in forms] == [V2] * len(forms)
    assert resolve(str(PUBLISHED["DARTS_V2"])).genotype == PUBLISHED["DARTS_V2"]


def test_a_cell_outside_the_space_has_no_sample() -> None:
    assert resolve("ENAS_RNN").nni is None
    with pytest.raises(ConfigError, match="The recurrent cell averages"):
        sample_of(RECURRENT_CELLS["ENAS_RNN"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Genotype(recurrent=[('tanh', 0)])", "lacks the field 'concat'"),
        ("Genotype(recurrent=[('tanh', 1)], concat=[1])", "node 1 takes inputs 0 to 0"),
        (
            "Genotype(recurrent=[('tanh', 0)], concat=[0])",
            "concat: 0 is no node of the cell; they are 1 to 1",
        ),
        ("Genotype(recurrent=[('tahn', 0)], concat=[1])", "did you mean 'tanh'"),
        ("Genotype(recurrent=[('tanh', 0)], concat=[1], normal=[])", "has no field 'normal'"),
        ('{"recurrent/input_1": [0]}', "lacks the label 'recurrent/edge_0_1'"),
        ('{"recurrent/input_1": [0, 1], "recurrent/edge_0_1": "tanh"}', "expected one input between 0 and 0"),
        ("darts_v1_rnn", "did you mean DARTS_V1_RNN"),
        ("Genotype(recurrent=__import__('os'), concat=[1])", "neither a list of literals nor a range"),
    ],
)
def test_anything_else_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(text)
    assert sentence in str(caught.value)


def test_cells_of_the_other_kind_do_not_fit_a_space() -> None:
    with pytest.raises(ConfigError, match="The space darts has the cells normal, reduce, not recurrent"):
        Architecture.from_genotype(V2, space="darts")
    with pytest.raises(ConfigError, match="The space darts_rnn has the cells recurrent, not normal, reduce"):
        Architecture.from_genotype(PUBLISHED["DARTS_V2"], space="darts_rnn")
