"""Every test of the fused supernet runs with the CPU kernels and with PyTorch's operators alone."""

from __future__ import annotations

import pytest

from nni_darts.supernet.fused import nodes
from nni_darts.supernet.fused.native.kernels import is_native


@pytest.fixture(params=["kernels", "operators"])
def computed_by(request, monkeypatch):
    """Which of the two; skips where there is no C compiler."""
    if request.param == "operators":
        monkeypatch.setattr(nodes, "is_native", lambda state: False)
    return request.param


@pytest.fixture
def needs_kernels():
    """Skips where there is no C compiler."""
    import torch

    if not is_native(torch.zeros(1, 8, 1, 1)):
        pytest.skip("the CPU kernels need a C compiler")
