"""Drop path."""

from __future__ import annotations

import pytest
import torch

from nni_darts.genotype import Genotype
from search_spaces.discrete import DiscreteNetwork
from search_spaces.drop_path import drop_path


def test_each_sample_is_dropped_or_scaled_as_a_whole() -> None:
    torch.manual_seed(0)
    out = drop_path(torch.ones(2000, 2, 3, 3), 0.2)
    per_sample = out.flatten(1)
    assert torch.equal(per_sample.amin(1), per_sample.amax(1))
    assert set(per_sample[:, 0].tolist()) == {0.0, 1.25}
    assert float((per_sample[:, 0] == 0).float().mean()) == pytest.approx(0.2, abs=0.03)


def test_probability_0_changes_nothing_and_draws_nothing() -> None:
    x = torch.ones(4, 1, 1, 1)
    state = torch.get_rng_state()
    assert drop_path(x, 0.0) is x
    assert torch.equal(torch.get_rng_state(), state)


def test_the_gradient_is_masked_alike() -> None:
    torch.manual_seed(0)
    x = torch.ones(50, 1, 1, 1, requires_grad=True)
    out = drop_path(x, 0.5)
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, out.detach())


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
