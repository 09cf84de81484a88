"""The auxiliary head."""

from __future__ import annotations

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED
from search_spaces.auxiliary import AuxiliaryHead
from search_spaces.discrete import DiscreteNetwork

V2 = PUBLISHED["DARTS_V2"]


@pytest.mark.parametrize(
    ("stem", "side", "fits"),
    [
        ("cifar", 7, False),
        ("cifar", 8, True),
        ("cifar", 10, True),
        ("cifar", 11, False),
        ("imagenet", 6, False),
        ("imagenet", 7, True),
        ("imagenet", 8, True),
        ("imagenet", 9, False),
    ],
)
def test_feature_maps_that_do_not_end_in_one_pixel_are_refused(stem: str, side: int, fits: bool) -> None:
    head = AuxiliaryHead(6, 5, stem)
    if fits:
        assert head(torch.randn(2, 6, side, side)).shape == (2, 5)
    else:
        with pytest.raises(ConfigError, match=f"but meets {side} x {side}; switch it off"):
            head(torch.randn(2, 6, side, side))


def test_network_refuses_an_image_size_before_any_batch() -> None:
    with pytest.raises(ConfigError, match="but meets 2 x 2"):
        DiscreteNetwork(V2, init_channels=2, layers=8, auxiliary=True, image_size=8)
    DiscreteNetwork(V2, init_channels=2, layers=8, auxiliary=True, image_size=32)
    DiscreteNetwork(V2, init_channels=2, layers=14, auxiliary=True, stem="imagenet", image_size=224)


def test_training_gives_two_results_and_evaluation_one() -> None:
    network = DiscreteNetwork(V2, init_channels=2, layers=3, num_classes=7, auxiliary=True)
    logits, auxiliary = network(torch.randn(2, 3, 32, 32))
    assert logits.shape == auxiliary.shape == (2, 7)
    assert network.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("layers", [2, 3])
def test_the_head_leaves_the_logits_of_short_networks_alone(layers: int) -> None:
    # There its cell is the last one: an in-place ReLU would change what the classifier sees.
    with_head = DiscreteNetwork(V2, init_channels=2, layers=layers, auxiliary=True)
    without = DiscreteNetwork(V2, init_channels=2, layers=layers)
    without.load_state_dict(with_head.state_dict(), strict=False)
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(with_head(x)[0], without(x))


def test_a_head_that_is_not_wanted_is_not_computed() -> None:
    network = DiscreteNetwork(V2, init_channels=2, layers=3, num_classes=7, auxiliary=True)
    network.auxiliary_wanted = False
    logits = network(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    logits.sum().backward()
    assert network.aux is not None
    assert all(weight.grad is None for weight in network.aux.parameters())
