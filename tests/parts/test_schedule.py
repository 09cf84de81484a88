from __future__ import annotations

import pytest

from nni_darts.errors import ConfigError
from nni_darts.parts.schedule import WarmUp
from tests.toy import paper_toy


def test_warm_up_moves_the_weights_alone_for_its_epochs():
    state = paper_toy()
    moves = []
    for state.epoch in range(4):
        state.architecture_moves = True  # as the engine begins every epoch
        WarmUp(2)(state)
        moves.append(state.architecture_moves)
    assert moves == [False, False, True, True]


def test_a_negative_warm_up_is_refused():
    with pytest.raises(ConfigError, match="search.warmup_epochs: got -1"):
        WarmUp(-1)
