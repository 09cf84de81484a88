"""Discrete networks; logits and gradients are checked against the reference fixtures in tests/check."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nni_darts.check.counting import count_parameters
from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Genotype
from search_spaces import DiscreteNetwork

CIFAR: dict[str, Any] = {"init_channels": 36, "layers": 20, "num_classes": 10}
IMAGENET: dict[str, Any] = {"init_channels": 48, "layers": 14, "num_classes": 1000, "stem": "imagenet"}


@pytest.mark.parametrize(
    ("name", "macro", "expected"),
    [
        ("DARTS_V1", CIFAR, 3_169_414),
        ("DARTS_V2", CIFAR, 3_349_342),
        ("DARTS_V2", {**CIFAR, "auxiliary": True}, 3_825_768),
        ("DARTS_V1", IMAGENET, 4_510_432),
        ("DARTS_V2", {**IMAGENET, "auxiliary": True}, 5_979_528),
        ("DARTS_V2", {**CIFAR, "init_channels": 16, "layers": 8}, 246_106),
        ("DARTS_V2", {**CIFAR, "init_channels": 16}, 710_682),
        ("PRDARTS", CIFAR, 3_444_814),
        # FairDARTS, card item 5: cells with empty nodes are narrower.
        ("FairDARTS_a", CIFAR, 2_360_782),
        ("FairDARTS_a", {**CIFAR, "auxiliary": True}, 2_837_208),
        ("FairDARTS_b", CIFAR, 3_407_878),
        ("FairDARTS_b", {**CIFAR, "auxiliary": True}, 3_884_304),
        ("FairDARTS_d", CIFAR, 3_365_542),
        ("FairDARTS_d", {**CIFAR, "auxiliary": True}, 3_841_968),
        ("PRDARTS", IMAGENET, 4_981_312),
    ],
)
def test_weights_as_measured_on_the_official_classes(name: str, macro: dict[str, Any], expected: int) -> None:
    with torch.device("meta"):
        assert count_parameters(DiscreteNetwork(PUBLISHED[name], **macro)) == expected


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_cell_builds_and_learns(name: str) -> None:
    network = DiscreteNetwork(PUBLISHED[name], init_channels=2, layers=3, num_classes=3, in_channels=1)
    logits = network(torch.randn(2, 1, 8, 8))
    assert logits.shape == (2, 3)
    logits.sum().backward()


def test_nodes_that_chose_none_are_zero() -> None:
    none = [("none", 0), ("none", 1)]
    network = DiscreteNetwork(Genotype.of(none, none), init_channels=2, layers=2)
    logits = network(torch.randn(3, 3, 4, 4))
    assert torch.allclose(logits, network.classifier.bias.expand(3, -1))


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_short_networks(layers: int, stem: str) -> None:
    network = DiscreteNetwork(PUBLISHED["DARTS_V1"], 2, layers, stem=stem, image_size=32)
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_a_node_is_the_sum_of_its_two_operations() -> None:
    twice = [("skip_connect", 0), ("skip_connect", 0)]
    network = DiscreteNetwork(Genotype.of(twice, twice), init_channels=2, layers=3)
    cell = network.cells[0]
    s0, s1 = torch.randn(2, 6, 4, 4), torch.randn(2, 6, 4, 4)
    assert torch.equal(cell(s0, s1), 2 * cell.pre0(s0))


def test_operations_and_sizes_that_do_not_fit_are_refused() -> None:
    own = Genotype.of([("my_op", 0), ("none", 1)], [("none", 0), ("none", 1)])
    with pytest.raises(ConfigError, match="'my_op' is unknown"):
        DiscreteNetwork(own)
    with pytest.raises(ConfigError, match="layers must be a whole number of at least 1, got 0"):
        DiscreteNetwork(PUBLISHED["DARTS_V2"], layers=0)
    with pytest.raises(ConfigError, match="image_size 6 does not fit 8 cells"):
        DiscreteNetwork(PUBLISHED["DARTS_V2"], 2, 8, image_size=6)
    with pytest.raises(ConfigError, match="its input is 3 x 3"):
        DiscreteNetwork(PUBLISHED["DARTS_V2"], 2, 8)(torch.randn(2, 3, 6, 6))


def test_drop_path_on_nodes_forgets_sums_and_identities() -> None:
    """FairDARTS: a sample loses a whole node, or keeps all of it times 1 / (1 - p)."""
    skips = Genotype.of(
        [("skip_connect", 0), ("skip_connect", 1)], [("skip_connect", 0), ("max_pool_3x3", 1)]
    )
    cell = DiscreteNetwork(skips, init_channels=2, layers=3, drop_path_on="node").cells[0]
    assert cell.dropped() == [(0, 1)]
    s0, s1 = torch.randn(2, 6, 4, 4), torch.randn(2, 6, 4, 4)
    mask = torch.tensor([0.0, 1.25]).reshape(1, 2, 1, 1, 1)
    whole, dropped = cell(s0, s1), cell(s0, s1, mask)
    assert torch.equal(dropped[0], torch.zeros_like(dropped[0]))
    torch.testing.assert_close(dropped[1], 1.25 * whole[1])
    by_operation = DiscreteNetwork(skips, init_channels=2, layers=3)
    assert [cell.dropped() for cell in by_operation.cells] == [[], [(0,), (1,)], [(0,), (1,)]]
    with pytest.raises(ConfigError, match='drop_path_on: got "cell"; write operation or node'):
        DiscreteNetwork(skips, drop_path_on="cell")
