"""What ``none`` leaves empty goes, and all that read it."""

from __future__ import annotations

from nni_darts.genotype import PUBLISHED, Genotype
from nni_darts.genotype.prune import pruned

FULL = [("sep_conv_3x3", 0), ("skip_connect", 1)]


def test_an_empty_node_takes_its_readers_with_it():
    """FairDARTS, card, pitfalls: the list of inputs is pruned transitively."""
    empty = [("none", 0), ("none", 1)]
    reader = [("sep_conv_3x3", 2), ("none", 1)]  # of the empty node alone: empty as well
    mixed = [("sep_conv_5x5", 3), ("max_pool_3x3", 0)]
    genotype = pruned(Genotype.of([*empty, *reader, *mixed], [*FULL, *FULL, *FULL]))
    assert genotype.normal == (*empty, ("none", 2), ("none", 1), ("none", 3), ("max_pool_3x3", 0))
    assert genotype.normal_concat == (4,)
    assert (genotype.reduce, genotype.reduce_concat) == ((*FULL, *FULL, *FULL), (2, 3, 4))


def test_cells_without_empty_nodes_stay_and_an_empty_cell_keeps_its_width():
    for genotype in (PUBLISHED["DARTS_V2"], PUBLISHED["FairDARTS_b"], PUBLISHED["NASNet"]):
        assert pruned(genotype) == genotype
    assert pruned(Genotype.of([("none", 0), ("none", 1)], FULL)).normal_concat == (2,)
    assert pruned(PUBLISHED["FairDARTS_a"]).normal_concat == (2, 4, 5)
