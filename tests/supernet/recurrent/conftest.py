"""What tests of the kernels need."""

from __future__ import annotations

import pytest
import torch

from nni_darts.supernet.recurrent.native import is_native


@pytest.fixture
def needs_kernels():
    """Skips where there is no C compiler."""
    if not is_native(torch.zeros(1)):
        pytest.skip("the CPU kernels need a C compiler")
