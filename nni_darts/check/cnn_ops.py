"""The operations: output, gradients, and running statistics of their BatchNorms."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nni_darts.check.comparison import Comparison, close
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.weights import grads, load_weights, tensor
from search_spaces.operations import build


@checker("cnn_ops")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Every ``{operation}/s{stride}`` in its supernet form."""
    for name in fixture.folders():
        for stride in (1, 2):
            yield from _operation(f"{name}/s{stride}", name, stride, fixture.under(f"{name}/s{stride}"))


def _operation(label: str, name: str, stride: int, case: Fixture) -> Iterator[Comparison]:
    x = case["x"].requires_grad_()
    operation = build(name, x.shape[1], stride, affine=False, search=True)
    load_weights(operation, case)
    out = operation(x)
    yield close(f"{label} out", out, case["out"])
    (out * case["g"]).sum().backward()
    assert x.grad is not None
    yield close(f"{label} d_x", x.grad, case["d_x"])
    for weight, grad in grads(operation, case.under("w")).items():
        yield close(f"{label} d_w/{weight}", grad, case[f"d_w/{weight}"])
    for after in [key for key in case if key.endswith("_after_train")]:
        yield close(f"{label} {after}", tensor(operation, after.removesuffix("_after_train")), case[after])
    with torch.no_grad():
        for statistic in [key for key in case if key.endswith(("_mean", "_var"))]:
            tensor(operation, statistic).copy_(case[statistic])
        yield close(f"{label} out_eval", operation.eval()(x), case["out_eval"])
