"""The estimate of a step on texts: of columns, of which a batch has so many, and without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.errors import ConfigError, Interrupted
from nni_darts.memory import Estimate, MemoryReport
from nni_darts.memory.report import refuse_what_does_not_fit
from nni_darts.recipe import build_recipe
from tests.methods.test_contract import Interrupt
from tests.methods.tiny import is_equal, state_of
from tests.methods.tiny_text import BATCH, searched_text


def test_the_sentences_are_of_columns():
    estimate = Estimate(10**7, 6 * 10**9, 9 * 10**7, batch=64, rows=35)
    assert "activations and gradients of a batch of 64 columns of 35 words and" in str(estimate)
    with pytest.raises(
        ConfigError,
        match=r"for a batch of 64 columns of 35 words, .*write a search.batch_size of at most 30\.$",
    ):
        refuse_what_does_not_fit(estimate, 3 * 10**9, "cuda:0")


def test_a_search_that_is_resumed_with_an_estimate_goes_on_with_its_hidden_states(tmp_path: Path):
    recipe = build_recipe("darts")
    whole = searched_text(recipe, tmp_path / "whole")
    with pytest.raises(Interrupted):
        searched_text(recipe, tmp_path / "stopped", signals=Interrupt)
    report = MemoryReport()
    resumed = searched_text(recipe, tmp_path / "stopped", resume=True, callbacks=[report])
    assert report.estimate is not None
    assert report.estimate.batch == BATCH
    assert is_equal(state_of(resumed), state_of(whole))
