"""Second order through the fused cell: replaced weights and buffers, and double backward."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.func import functional_call

from nni_darts.parts.architect import Unrolled
from search_spaces import DartsSpace
from tests.supernet.fused.pairs import distance, inputs, pair, search_module

pytestmark = pytest.mark.usefixtures("computed_by")


def networks():
    return [
        search_module(DartsSpace(init_channels=2, layers=3, nodes=2), kind) for kind in ("generic", "fused")
    ]


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, 10, (4,), generator=generator)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_the_unrolled_gradient(hvp):
    found = []
    for search in networks():
        sgd = torch.optim.SGD(search.model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
        search.state.optimizer = lambda sgd=sgd: sgd
        search.state.train_batch, search.state.valid_batch = batch(1), batch(2)
        gradients = Unrolled(hvp)(search.state)
        found.append((torch.cat(gradients), {k: b.clone() for k, b in search.model.named_buffers()}))
    (want, want_buffers), (got, got_buffers) = found
    # The finite difference divides the rounding of its two gradients by 2R.
    assert distance(want, got) < (1e-9 if hvp == "exact" else 1e-7)
    assert max(distance(want_buffers[name], got_buffers[name]) for name in want_buffers) < 1e-12


def test_weights_and_buffers_put_in_from_outside():
    generic, fused = pair("reduction", nodes=2)
    images = inputs("reduction")
    outputs = []
    for search in (generic, fused):
        before = copy.deepcopy(search.model.state_dict())
        weights = {name: 1.5 * p.detach().cos() for name, p in search.model.named_parameters()}
        buffers = {name: buffer.clone() for name, buffer in search.model.named_buffers()}
        outputs.append((functional_call(search.model, {**weights, **buffers}, tuple(images)), buffers))
        # The network itself is as it was; what was put in got the statistics.
        assert all(torch.equal(before[name], value) for name, value in search.model.state_dict().items())
    (want, want_buffers), (got, got_buffers) = outputs
    assert distance(want.detach(), got.detach()) < 1e-12
    assert max(distance(want_buffers[name], got_buffers[name]) for name in want_buffers) < 1e-12
