"""The candidates of S1 to S4, edge by edge (card r-darts, its table and item 6)."""

from __future__ import annotations

import pytest

from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, Architecture, Genotype, genotype_of, sample_of
from nni_darts.genotype.candidates import ROBUST, candidates, inert

#: The card's table, rows "edge: node<-input", in the order of the alphas: normal, then reduce.
CARD_S1 = """
2<-0 skip dil3 | max avg
2<-1 skip dil5 | max dil3
3<-0 skip dil5 | max avg
3<-1 skip sep3 | max avg
3<-2 skip dil3 | skip dil5
4<-0 max skip  | max avg
4<-1 skip sep3 | max sep3
4<-2 skip sep3 | skip dil3
4<-3 skip dil3 | skip dil5
5<-0 skip sep3 | max avg
5<-1 max skip  | max avg
5<-2 skip dil3 | skip dil5
5<-3 dil3 dil5 | skip dil5
5<-4 dil3 dil5 | skip dil5
"""
LONG = {
    "skip": "skip_connect",
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "sep3": "sep_conv_3x3",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
}

#: Shipped by RobustDARTS: what DARTS derives on S1 with CIFAR-10, decay 3e-4, seed 1 (card r-darts).
COLLAPSED = Genotype.parse(
    "Genotype(normal=[('skip_connect',1),('dil_conv_3x3',0),('skip_connect',2),('skip_connect',0),"
    "('skip_connect',0),('skip_connect',2),('skip_connect',2),('skip_connect',1)], normal_concat=range(2,6), "
    "reduce=[('max_pool_3x3',1),('max_pool_3x3',0),('skip_connect',2),('max_pool_3x3',1),"
    "('skip_connect',2),('max_pool_3x3',0),('max_pool_3x3',0),('max_pool_3x3',1)], "
    "reduce_concat=range(2,6))"
)


def test_s1_is_the_cards_table() -> None:
    lines = CARD_S1.strip().splitlines()
    for line, (edge, normal) in zip(lines, ROBUST["s1"]["normal"].items(), strict=True):
        name, _, operations = line.partition(" ")
        assert name == f"{edge[1]}<-{edge[0]}"
        left, right = (tuple(LONG[word] for word in side.split()) for side in operations.split("|"))
        assert (left, right) == (normal, ROBUST["s1"]["reduce"][edge])


@pytest.mark.parametrize(
    ("space", "operations"),
    [
        ("s2", ("skip_connect", "sep_conv_3x3")),
        ("s3", ("none", "skip_connect", "sep_conv_3x3")),
        ("s4", ("noise", "sep_conv_3x3")),
    ],
)
def test_the_others_have_the_same_on_every_edge(space: str, operations: tuple[str, ...]) -> None:
    for cell in ("normal", "reduce"):
        assert list(ROBUST[space][cell]) == [(j, i) for i in range(2, 6) for j in range(i)]
        assert set(ROBUST[space][cell].values()) == {operations}


def test_candidates_by_name() -> None:
    assert candidates("darts", "normal", (0, 9)) == PRIMITIVES
    assert candidates("s1", "reduce", (1, 2)) == ("max_pool_3x3", "dil_conv_3x3")
    assert candidates("s1", "reduce", (0, 6)) == ()
    assert [inert(candidates(name, "normal", (0, 2))) for name in ("darts", "s1", "s3", "s4")] == [
        *("none", "skip_connect", "none", "noise")
    ]


def test_a_genotype_of_s1_has_a_sample_of_s1() -> None:
    sample = sample_of(COLLAPSED, space="s1")
    assert all(
        value in candidates("s1", cell, (int(source), int(node)))
        for label, value in sample.items()
        for cell, _, name in [label.partition("/")]
        if name.startswith("edge")
        for _, source, node in [name.split("_")]
    )
    assert genotype_of(sample) == COLLAPSED
    architecture = Architecture.from_genotype(COLLAPSED, space="s1")
    assert architecture.nni == sample
    assert Architecture.from_sample(sample, space="s1") == architecture
    assert Architecture.from_json(architecture.to_json()) == architecture


@pytest.mark.parametrize(
    ("space", "edges", "sentence"),
    [
        (
            "s1",
            [("sep_conv_3x3", 0)],
            "'sep_conv_3x3' from 0 to 2, where the space s1 offers skip_connect",
        ),
        (
            "s4",
            [("skip_connect", 0)],
            "'skip_connect' from 0 to 2, where the space s4 offers noise, sep",
        ),
        ("s2", [("sepconv", 0)], "The operation 'sepconv' is unknown"),
    ],
)
def test_a_genotype_of_another_space_is_refused(
    space: str, edges: list[tuple[str, int]], sentence: str
) -> None:
    genotype = Genotype.of([*edges, *COLLAPSED.normal[1:]], COLLAPSED.reduce)
    with pytest.raises(ConfigError) as caught:
        Architecture.from_genotype(genotype, space=space)
    assert sentence in str(caught.value)


def test_other_numbers_of_nodes_are_refused() -> None:
    genotype = Genotype.of(COLLAPSED.normal[:4], COLLAPSED.reduce[:4])
    with pytest.raises(ConfigError, match="The normal cell has 2 nodes, but the space s1 has 4."):
        Architecture.from_genotype(genotype, space="s1")
