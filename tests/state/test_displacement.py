"""Moved weights come back to the bit, whatever happens meanwhile."""

from __future__ import annotations

import pytest
import torch

from nni_darts.state.displacement import Displacement, Snapshot
from tests.toy import paper_toy


def tensors() -> list[torch.Tensor]:
    torch.manual_seed(3)
    stacked = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    return [torch.randn(3, 4), torch.randn(5, dtype=torch.float64), stacked]


def test_every_move_starts_at_the_origin_and_the_way_back_is_exact():
    weights = tensors()
    origin = [weight.clone() for weight in weights]
    memory = [weight.data_ptr() for weight in weights]
    directions = [1e3 * torch.randn_like(weight) for weight in weights]
    displacement = Displacement(weights)
    for distance in (0.3, torch.tensor(-0.7), 1.0):
        displacement.to(directions, distance)
        for weight, start, direction in zip(weights, origin, directions, strict=True):
            assert torch.allclose(weight, start + float(distance) * direction, rtol=1e-6)
    displacement.restore()
    assert all(map(torch.equal, weights, origin))
    assert [weight.data_ptr() for weight in weights] == memory


def test_a_snapshot_holds_integers_too():
    mixed = [*tensors(), torch.tensor(7)]
    before = [tensor.clone() for tensor in mixed]
    snapshot = Snapshot(mixed)
    for tensor in mixed:
        tensor.add_(1)
    snapshot.restore()
    assert all(map(torch.equal, mixed, before))


def test_weights_return_although_something_failed_in_between():
    state = paper_toy()
    (weight,) = state.sgd().weights
    before = weight.detach().clone()
    with pytest.raises(RuntimeError, match="in between"), state.displaced([weight]) as displacement:
        displacement.to([torch.full_like(weight, 0.1)])
        assert not torch.equal(weight, before)
        raise RuntimeError("in between")
    assert torch.equal(weight, before)
    assert weight.requires_grad


class Counting(torch.nn.Module):
    """Writes to one buffer and puts a new tensor in the place of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("written", torch.tensor(1))
        self.register_buffer("replaced", torch.tensor(1.0))
        self.weight = torch.nn.Parameter(torch.ones(()))

    def training_step(self, batch, batch_index):
        self.written.add_(1)
        self.replaced = self.replaced + 1
        return self.weight * 1.0


def test_buffers_return_in_their_own_memory():
    state = paper_toy()
    module = Counting()
    state.objective.training_module = module
    buffers = dict(module.named_buffers())
    with state.restored_statistics():
        state.inner_loss()
        assert (module.written.item(), module.replaced.item()) == (2, 2.0)
    assert all(module.get_buffer(name) is buffer for name, buffer in buffers.items())
    assert (module.written.item(), module.replaced.item()) == (1, 1.0)


def test_casts_of_mixed_precision_follow_a_move():
    """Inside one autocast context a weight is cast once: a moved one must be cast again."""
    layer = torch.nn.Linear(2, 1, bias=False)
    x = torch.ones(1, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    displacement = Displacement([layer.weight])
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).item() == 2
        displacement.to([torch.full_like(layer.weight, 3.0)])
        assert layer(x).item() == 8
        displacement.restore()
        assert layer(x).item() == 2


@pytest.mark.parametrize("keep_graphs", [False, True])
def test_a_graph_from_before_the_move_is_refused_or_kept(keep_graphs):
    weight = torch.full((2,), 3.0, requires_grad=True)
    loss = (weight**2).sum()
    displacement = Displacement([weight], keep_graphs)
    displacement.to([torch.ones(2)])
    displacement.restore()
    if keep_graphs:
        loss.backward()
        assert torch.equal(weight.grad, torch.full((2,), 6.0))
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
