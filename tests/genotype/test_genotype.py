"""The genotype and its classic text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Genotype
from tests.genotype.strategies import any_genotypes

PLAIN = {
    "normal": [("skip_connect", 0), ("sep_conv_3x3", 1)],
    "normal_concat": range(2, 3),
    "reduce": [("max_pool_3x3", 0), ("none", 1)],
    "reduce_concat": [2],
}


def test_text_is_the_classic_one_line_form() -> None:
    assert str(Genotype(**PLAIN)) == (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], normal_concat=range(2, 3), "
        "reduce=[('max_pool_3x3', 0), ('none', 1)], reduce_concat=range(2, 3))"
    )


def test_concat_that_is_no_range_is_printed_as_a_list() -> None:
    assert "reduce_concat=[3, 4, 6])" in str(PUBLISHED["AmoebaNet"])


@given(any_genotypes())
def test_text_round_trip(genotype: Genotype) -> None:
    assert Genotype.parse(str(genotype)) == genotype


def test_text_nested_per_node_in_any_order_and_with_lists() -> None:
    text = (
        "DARTS = Genotype(reduce_concat=[2, 3], reduce=[[('skip_connect', 0), ('none', 1)], "
        "[('skip_connect', 2), ('none', 1)]], normal_concat=range(2, 4), "
        "normal=((('skip_connect', 0), ('none', 1)), (('skip_connect', 2), ('none', 1))))\n"
    )
    edges = [("skip_connect", 0), ("none", 1), ("skip_connect", 2), ("none", 1)]
    assert Genotype.parse(text) == Genotype.of(edges, edges)


def test_text_with_positional_fields() -> None:
    assert Genotype.parse(
        "Genotype([('a', 0), ('b', 1)], [2], [('c', 0), ('d', 1)], range(2, 3))"
    ).reduce == (
        ("c", 0),
        ("d", 1),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "__import__('os').system('true')",
        "Genotype(normal=__import__('os').getcwd(), normal_concat=[2], reduce=[], reduce_concat=[2])",
        "Genotype(normal=[x for x in (1,)], normal_concat=[2], reduce=[], reduce_concat=[2])",
        "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=range(10**9), reduce=[], reduce_concat=[2])",
        "Genotype(normal=[('a', 0), ('b', 1)], normal_concat=range(0, 2, 0), reduce=[], reduce_concat=[2])",
        "Genotype(normal=[], normal_concat=range(1000000000), reduce=[], reduce_concat=[2])",
        "Genotype(normal=[], normal_concat=range(), reduce=[], reduce_concat=[2])",
        "genotypes.Genotype(normal=[])",
        "Genotype(normal=[]); import os",
        "lambda: Genotype()",
        "Genotype(**{'normal': []})",
        "Genotype(1, 2, 3, 4, 5)",
        "Genotype(normal=[], normal=[])",
        "Genotype(normal=[], normal_concat=[2], reduce=[], reduce_concat=[2], colour='red')",
        "Genotype(normal=[('a', 0)",
        "(" * 10_000,
        "-" * 15_000 + "1",
        "Genotype(normal=" + "[" * 150 + "]" * 150 + ")",
        "x" * 50_000,
        "Genotype(normal=\0)",
    ],
)
def test_hostile_or_broken_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Genotype.parse(text)


def test_nothing_in_a_text_is_executed(tmp_path: Path) -> None:
    for code in (
        f"__import__('pathlib').Path({str(tmp_path / 'pwned')!r}).touch() or 0",
        f"[open({str(tmp_path / 'pwned')!r}, 'w') and 0 for _ in (1,)][0]",
    ):
        text = f"Genotype(normal=[('none', {code}), ('none', 1)], normal_concat=[2], "
        text += "reduce=[('none', 0), ('none', 1)], reduce_concat=range(2, 3))"
        with pytest.raises(ConfigError, match="'normal' is neither a list of literals nor a range"):
            Genotype.parse(text)
    assert not (tmp_path / "pwned").exists()


def test_a_long_range_is_refused_before_it_is_walked() -> None:
    edges = "[('none', 0), ('none', 1)]"
    text = f"Genotype(normal={edges}, normal_concat=range(2, 10000), reduce={edges}, reduce_concat=[2])"
    with pytest.raises(ConfigError, match="'normal_concat' is neither a list of literals nor a range"):
        Genotype.parse(text)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"normal": []}, "normal: expected a list of (operation, input) pairs, got []."),
        ({"normal": "skip"}, "normal: expected a list"),
        ({"reduce": 3}, "reduce: expected a list"),
        ({"normal": [("skip_connect", 0)]}, "normal: 1 edges, but every node takes two"),
        (
            {"normal": [("skip_connect", 0), ("skip_connect", 2)]},
            "has the input 2, but node 2 takes inputs 0 to 1",
        ),
        ({"normal": [("skip_connect", -1), ("none", 0)]}, "has the input -1"),
        ({"normal": [("skip_connect", True), ("none", 0)]}, "has the input True"),
        ({"normal": [("skip_connect", 0.0), ("none", 0)]}, "has the input 0.0"),
        ({"normal": [("", 0), ("none", 0)]}, "has the operation '', expected a name"),
        ({"normal": [(3, 0), ("none", 0)]}, "has the operation 3"),
        ({"normal": [("a\n", 0), ("none", 0)]}, "expected a name"),
        ({"normal": [("skip_connect", 0, 1), ("none", 0)]}, "expected an (operation, input) pair"),
        ({"normal": [None, ("none", 0)]}, "edge 0 is None"),
        ({"normal": [[("a", 0), ("b", 1), ("c", 1)]]}, "a node takes exactly two (operation, input) pairs"),
        ({"normal_concat": []}, "normal_concat: expected a range or a list"),
        ({"normal_concat": "2"}, "normal_concat: expected a range or a list"),
        ({"normal_concat": [3]}, "normal_concat: 3 is no node of the cell; they are 2 to 2."),
        ({"reduce_concat": [1]}, "reduce_concat: 1 is no node"),
        ({"reduce_concat": [2.0]}, "reduce_concat: 2.0 is no node"),
        ({"reduce_concat": [2, 2]}, "reduce_concat: [2, 2] names a node twice"),
    ],
)
def test_cells_that_are_none_are_refused_with_a_sentence(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Genotype(**{**PLAIN, **change})
    assert sentence in str(caught.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Genotype.of([("a", 5), ("b", 6)], [("c", 7), ("d", 0)])
    assert len(caught.value.problems) == 3
