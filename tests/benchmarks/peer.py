"""The user's checkout of quark0/darts, if there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "NNI_DARTS_PEER"

CHECKOUT = Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None

needs_checkout = pytest.mark.skipif(
    CHECKOUT is None, reason=f"{VARIABLE} names no checkout of quark0/darts to compare with"
)
