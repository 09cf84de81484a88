"""What is said and what is refused; the numbers themselves are in test_estimate."""

from __future__ import annotations

import logging

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.memory import Estimate, MemoryReport
from nni_darts.memory.report import refuse_what_does_not_fit
from nni_darts.memory.resident import resident_bytes
from tests.memory.test_estimate import trained
from tests.toy import paper_toy

ESTIMATE = Estimate(resident=10**7, activations=6 * 10**9, per_sample=9 * 10**7, batch=64)


def test_one_sentence_before_the_search(caplog):
    with caplog.at_level(logging.INFO, "nni_darts.memory"):
        trained([MemoryReport()], steps=1, order=1)
    (sentence,) = [record.message for record in caplog.records if "Memory of a search step" in record.message]
    assert sentence.startswith("Memory of a search step: about 0.00")
    assert sentence.endswith("weights and optimiser states.")


def test_what_fits_is_not_refused():
    refuse_what_does_not_fit(ESTIMATE, 6 * 10**9, "cuda:0")


def test_what_does_not_fit_is_refused_with_the_batch_that_does():
    with pytest.raises(
        ConfigError,
        match=r"needs about 6 GB of memory for a batch of 64, but 3 GB are free on cuda:0; write a "
        r"search.batch_size of at most 30, or search.checkpoint_cells: true",
    ):
        refuse_what_does_not_fit(ESTIMATE, 3 * 10**9, "cuda:0")


def test_a_space_of_which_not_one_sample_fits():
    with pytest.raises(ConfigError, match="use a smaller space, or search.checkpoint_cells"):
        refuse_what_does_not_fit(ESTIMATE, 10**8, "cuda:0")


@pytest.mark.parametrize(
    ("optimizer", "states"),
    [
        (lambda p: torch.optim.SGD(p, 0.1), 0),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), 1),
        (lambda p: torch.optim.AdamW(p, 0.1), 2),
    ],
)
def test_states_of_the_optimiser_are_counted_before_they_exist(optimizer, states):
    state = paper_toy()
    (weight,) = state.objective.parameters()
    made = optimizer([weight])
    state.optimizer = lambda: made
    # One weight and one alpha of 8 bytes.
    assert resident_bytes(state) == 8 * (2 + states)
    assert not made.state
