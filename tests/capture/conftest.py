from __future__ import annotations

import pytest

from nni_darts.capture import step


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unrecorded step of every kind: tiny searches have few."""
    monkeypatch.setattr(step, "WARM_UP", 1)
