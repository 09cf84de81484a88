"""One mixed operation at both strides: output and gradients of alphas, weights and input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor

from nni_darts.check.comparison import Comparison, close
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import supernet
from nni_darts.check.weights import grads, load_weights
from nni_darts.genotype import PRIMITIVES
from search_spaces.operations import build


class Edge(ModelSpace):
    """A space of one edge."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        candidates: dict[str, Any] = {
            name: build(name, channels, stride, affine=False, search=True) for name in PRIMITIVES
        }
        self.edge = LayerChoice(candidates, label="edge")

    def forward(self, x: Tensor) -> Tensor:
        return self.edge(x)


@checker("cnn_mixedop")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """``s1`` and ``s2``."""
    for name in fixture.folders():
        case = fixture.under(name)
        x = case["x"].requires_grad_()
        search = supernet(Edge(x.shape[1], stride=int(name[1:])))
        edge = search.model.edge
        load_weights(edge, case)
        alpha = search.relaxation.alpha("edge")
        with torch.no_grad():
            alpha.copy_(case["alpha"])
        out = search.model(x)
        prob = search.state.weights["edge"]
        prob.retain_grad()
        loss = (out * case["g"]).sum()
        loss.backward()
        assert alpha.grad is not None and prob.grad is not None and x.grad is not None
        yield close(f"{name} prob", prob, case["prob"])
        yield close(f"{name} out", out, case["out"])
        yield close(f"{name} loss", loss, case["loss"])
        yield close(f"{name} d_alpha", alpha.grad, case["d_alpha"])
        yield close(f"{name} d_prob", prob.grad, case["d_prob"])
        yield close(f"{name} d_x", x.grad, case["d_x"])
        for weight, grad in grads(edge, case.under("w")).items():
            yield close(f"{name} d_w/{weight}", grad, case[f"d_w/{weight}"])
