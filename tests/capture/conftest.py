from __future__ import annotations

import pytest

from nni_darts.capture import step
from nni_darts.supernet.fused import nodes


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unrecorded step of every kind: tiny searches have few."""
    monkeypatch.setattr(step, "WARM_UP", 1)


@pytest.fixture(autouse=True)
def computed_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels for CPUs are none of PyTorch's operations, and a tape would not hear of them."""
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
