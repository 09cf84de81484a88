"""Drop path."""

from __future__ import annotations

import pytest
import torch

from nni_darts.genotype import PUBLISHED, Genotype
from search_spaces.discrete import DiscreteNetwork
from search_spaces.drop_path import draw_masks, masked_sum


@pytest.mark.parametrize("prob", [0.2, torch.tensor(0.2)], ids=["number", "tensor"])
def test_each_sample_is_dropped_or_scaled_as_a_whole(prob: float | torch.Tensor) -> None:
    torch.manual_seed(0)
    masks = draw_masks(3, torch.zeros(2000, 2, 3, 3), prob)
    assert masks.shape == (3, 2000, 1, 1, 1)
    assert sorted(set(masks.flatten().tolist())) == [0.0, 1.25]
    shares = (masks == 0).float().mean((1, 2, 3, 4)).tolist()
    assert shares == pytest.approx([0.2] * 3, abs=0.03)
    # Independent: both of two masks drop a sample as often as chance has it.
    assert float(((masks[0] == 0) & (masks[1] == 0)).float().mean()) == pytest.approx(0.04, abs=0.015)


def test_the_masks_have_the_type_of_the_images() -> None:
    assert draw_masks(1, torch.zeros(2, 1, 1, 1).double(), 0.5).dtype == torch.float64
    assert draw_masks(1, torch.zeros(2, 1, 1, 1).double(), torch.tensor(0.5)).dtype == torch.float64


@pytest.mark.parametrize("masked", [(), (0,), (1,), (0, 1)])
def test_the_sum_and_its_gradients_are_masked_alike(masked: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    terms = [torch.randn(4, 2, 3, 3).double().requires_grad_() for _ in range(2)]
    masks = [draw_masks(1, terms[0], 0.5)[0] if place in masked else None for place in range(2)]
    weights = torch.randn(4, 2, 3, 3).double()
    out = masked_sum(terms[0], masks[0], terms[1], masks[1])
    found = torch.autograd.grad((out * weights).sum(), terms)
    factors = [torch.ones(4, 1, 1, 1).double() if mask is None else mask for mask in masks]
    torch.testing.assert_close(out, terms[0] * factors[0] + terms[1] * factors[1])
    for gradient, factor in zip(found, factors, strict=True):
        torch.testing.assert_close(gradient, weights * factor)


def test_probability_0_draws_nothing() -> None:
    network = DiscreteNetwork(PUBLISHED["DARTS_V2"], init_channels=2, layers=3)
    state = torch.get_rng_state()
    network(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_probability_in_a_tensor_is_read_at_every_forward() -> None:
    network = DiscreteNetwork(PUBLISHED["DARTS_V2"], init_channels=2, layers=3)
    x = torch.randn(4, 3, 8, 8)
    plain = network(x)
    network.drop_path_prob = torch.tensor(0.0)
    assert torch.allclose(network(x), plain)
    network.drop_path_prob.fill_(0.6)
    assert not torch.allclose(network(x), plain)


def _dropped(operation: str, reduction: bool, training: bool) -> bool:
    """Whether some sample's node became zero in the one cell type that uses ``operation``."""
    torch.manual_seed(0)
    plain = [("none", 0), ("none", 1)]
    own = [(operation, 0), ("none", 1)]
    genotype = Genotype.of(plain if reduction else own, own if reduction else plain)
    network = DiscreteNetwork(genotype, init_channels=4, layers=3).train(training)
    network.drop_path_prob = 0.5
    outputs: list[torch.Tensor] = []
    index = 1 if reduction else 0
    network.cells[index].register_forward_hook(lambda module, args, out: outputs.append(out))
    network(torch.randn(16, 3, 8, 8))
    return bool((outputs[0].flatten(1).abs().amax(1) == 0).any())


@pytest.mark.parametrize(
    ("operation", "reduction", "expected"),
    [
        ("skip_connect", False, False),  # the identity is never dropped
        ("skip_connect", True, True),  # a factorised reduction is
        ("max_pool_3x3", False, True),
        ("avg_pool_3x3", True, True),
        ("sep_conv_3x3", False, True),
        ("dil_conv_5x5", True, True),
    ],
)
def test_which_operations_are_dropped(operation: str, reduction: bool, expected: bool) -> None:
    assert _dropped(operation, reduction, training=True) is expected
    assert _dropped(operation, reduction, training=False) is False


def test_the_probability_is_read_at_every_forward() -> None:
    genotype = Genotype.of([("max_pool_3x3", 0), ("none", 1)], [("max_pool_3x3", 0), ("none", 1)])
    network = DiscreteNetwork(genotype, init_channels=2, layers=1)
    x = torch.randn(8, 3, 4, 4)
    network.drop_path_prob = 0.9
    torch.manual_seed(0)
    dropped = network(x)
    network.drop_path_prob = 0.0
    assert not torch.equal(network(x), dropped)
