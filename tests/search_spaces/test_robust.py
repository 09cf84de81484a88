"""S1 to S4 as NNI spaces (card r-darts, item 6: every edge of S1 has operations of its own)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from nni.nas.space import model_context
from torch import nn

from nni_darts.darts import DARTS
from nni_darts.errors import ConfigError
from nni_darts.genotype import Genotype, sample_of
from nni_darts.genotype.candidates import ROBUST
from nni_darts.supernet.space import read_structure
from search_spaces import S1, S2, S3, S4, DartsSpace, DiscreteNetwork
from search_spaces.robust import RobustSpace

SPACES: dict[str, type[RobustSpace]] = {"s1": S1, "s2": S2, "s3": S3, "s4": S4}
TINY: dict[str, Any] = {"init_channels": 2, "layers": 3}


@pytest.mark.parametrize("name", SPACES)
def test_every_edge_offers_what_the_table_says(name: str) -> None:
    space = SPACES[name](**TINY)
    simplified = space.simplify()
    offered = {
        (cell, edge): tuple(simplified[f"{cell}/edge_{edge[0]}_{edge[1]}"].values)
        for cell in ("normal", "reduce")
        for edge in ROBUST[name][cell]
    }
    assert offered == {
        (cell, edge): ops for cell, edges in ROBUST[name].items() for edge, ops in edges.items()
    }
    assert [cell.edges["0_2"].names for cell in space.cells] == [
        list(ROBUST[name][kind][0, 2]) for kind in ("normal", "reduce", "reduce")
    ]


@pytest.mark.parametrize(("name", "alphas"), [("s1", 56), ("s2", 56), ("s3", 84), ("s4", 56)])
def test_number_of_alphas(name: str, alphas: int) -> None:
    """Card r-darts: the Hessian has 56 rows in S1, S2 and S4, 84 in S3."""
    structure, _ = read_structure(SPACES[name](**TINY))
    assert sum(structure.sizes.values()) == alphas
    assert len(structure.nodes) == 8


@pytest.mark.parametrize("name", SPACES)
def test_samples_freeze_to_the_discrete_network(name: str) -> None:
    space = SPACES[name](**TINY, num_classes=5)
    sample: dict[str, Any] = {}
    space.random(sample)
    frozen = space.freeze(sample)
    with model_context(sample):
        built = SPACES[name](**TINY, num_classes=5)
    assert type(frozen) is type(built) is DiscreteNetwork
    assert frozen.genotype == built.genotype
    assert built(torch.randn(2, 3, 8, 8)).shape == (2, 5)


@pytest.mark.parametrize("name", SPACES)
def test_what_darts_derives_is_accepted(name: str) -> None:
    space = SPACES[name](**TINY)
    strategy = DARTS(order=1)
    model = strategy.mutate_model(space)
    search = strategy.configure_oneshot_module(nn.Module())
    sample = search.export()
    assert model(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    assert SPACES[name](**TINY).freeze(sample).genotype is not None


@pytest.mark.parametrize("name", ["s1", "s2", "s3"])
def test_fused_equals_generic(name: str) -> None:
    outputs = []
    for supernet in ("generic", "fused"):
        torch.manual_seed(0)
        strategy = DARTS(order=1, supernet=supernet)
        model = strategy.mutate_model(SPACES[name](**TINY)).double()
        search = strategy.configure_oneshot_module(nn.Module())
        search.relaxation.double()
        x = torch.linspace(-1, 1, 2 * 3 * 8 * 8, dtype=torch.float64).sin().view(2, 3, 8, 8)
        loss = model(x).square().sum()
        outputs.append([loss, *torch.autograd.grad(loss, list(search.relaxation.alphas))])
    for generic, fused in zip(*outputs, strict=True):
        torch.testing.assert_close(fused, generic, rtol=1e-9, atol=1e-11)


def test_too_few_layers_are_refused() -> None:
    with pytest.raises(ConfigError, match="layers must be at least 3, or no cell is a normal one; got 2"):
        S1(init_channels=2, layers=2)
    with pytest.raises(ConfigError, match="layers must be a whole number of at least 1, got 0"):
        S2(init_channels=2, layers=0)


def test_image_sizes_are_refused_by_what_the_reduction_cells_offer() -> None:
    """S1 halves by pools and convolutions, which round up, and S2 by a skip connection, which cannot."""
    S1(**TINY, image_size=8)
    with pytest.raises(ConfigError, match="a reduction would meet 3 x 3"):
        S2(**TINY, image_size=6)


def test_candidates_by_edge_are_checked() -> None:
    edges = {(0, 2): ("none", "skip_connect"), (1, 2): ("sep_conv_3x3",)}
    space = DartsSpace(2, 3, nodes=1, primitives={"normal": edges, "reduce": edges})
    assert space.simplify()["reduce/edge_1_2"].values == ["sep_conv_3x3"]
    for wrong, sentence in (
        ({"normal": edges}, "with the cell types normal and reduce"),
        ({"normal": edges, "reduce": {(0, 2): ("none",)}}, "for every edge of 1 nodes"),
        ({"normal": edges, "reduce": {**edges, (1, 2): ()}}, "primitives must name at least one operation"),
        ({"normal": edges, "reduce": {**edges, (1, 2): ("skip_connec",)}}, "did you mean 'skip_connect'?"),
    ):
        with pytest.raises(ConfigError) as caught:
            DartsSpace(2, 3, nodes=1, primitives=wrong)
        assert sentence in str(caught.value)


def test_the_derived_network_of_s4_stays_noisy() -> None:
    cell = [("noise", 0), ("sep_conv_3x3", 1)] * 4
    network = S4(**TINY).freeze(sample_of(Genotype.of(cell, cell), space="s4")).eval()
    x = torch.randn(2, 3, 8, 8)
    assert not torch.equal(network(x), network(x))
