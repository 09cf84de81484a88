"""Under bf16 autocast the fused cell rounds convolutions and products, never statistics."""

from __future__ import annotations

import torch

from tests.supernet.fused.pairs import inputs, pair


def gradients(search, images, autocast):
    search.model.float()
    search.relaxation.float()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        out = search.model(*[image.float() for image in images])
    loss = (out.float() * torch.linspace(-1, 1, out.numel()).view_as(out).sin()).sum()
    found = torch.autograd.grad(loss, list(search.relaxation.parameters()))
    return torch.cat([gradient.flatten() for gradient in found]), out.dtype


def distance(want, got):
    return float((want - got).norm() / want.norm())


def test_gradients_of_the_architecture_stay_near():
    for place in ("normal", "reduction"):
        generic, fused = pair(place, nodes=2)
        images = inputs(place, side=8, batch=8)
        exact, _ = gradients(generic, images, autocast=False)
        found, dtype = gradients(fused, images, autocast=True)
        assert dtype is torch.bfloat16
        assert distance(exact, found) < 0.1  # the generic cell: about 0.02


def test_statistics_keep_their_digits():
    generic, fused = pair("normal", nodes=2)
    images = inputs("normal", side=8, batch=8)
    gradients(generic, images, autocast=False)
    gradients(fused, images, autocast=True)
    want, got = dict(generic.model.named_buffers()), dict(fused.model.named_buffers())
    for name, buffer in got.items():
        assert buffer.dtype is want[name].dtype
        assert torch.allclose(buffer.float(), want[name].float(), rtol=0.05, atol=0.05), name
