"""Card random-search, "How a test proves it", items 1 and 2, for plain sampling without ``none``."""

from __future__ import annotations

from collections import Counter

import torch

from nni_darts.genotype import genotype_of
from nni_darts.methods.random_search import uniform
from nni_darts.parts.relaxation import Softmax
from nni_darts.supernet.space import read_structure
from search_spaces import DartsSpace
from tests.supernet.spaces import Everything
from tests.toy import state_of

DRAWS = 3000


def state(space):
    structure, _ = read_structure(space)
    module = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    return state_of(module, optimizer, Softmax(structure.sizes), structure)


def test_edges_and_operations_are_uniform():
    found = state(DartsSpace(init_channels=2, layers=3))
    inputs, operations = Counter(), Counter()
    for seed in range(DRAWS):
        torch.manual_seed(seed)
        genotype = genotype_of(uniform(found))
        first, last = genotype.normal[:2], genotype.normal[-2:]
        assert {source for _, source in first} == {0, 1}
        assert last[0][1] != last[1][1]
        inputs.update(source for _, source in last)
        operations.update(name for name, _ in genotype.normal)
    # Node 3 takes two of five inputs: each with probability 0.4. Five standard deviations of margin.
    assert all(abs(inputs[source] / DRAWS - 0.4) < 0.045 for source in range(5))
    assert len(operations) == 7
    assert "none" not in operations
    assert all(abs(count / (8 * DRAWS) - 1 / 7) < 0.012 for count in operations.values())


def test_a_seed_is_one_architecture_and_every_kind_of_choice_is_drawn():
    found = state(Everything())
    samples = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        torch.randn(seed * 3)  # whatever the run drew before
        samples.append(uniform(found))
    assert samples[0] == samples[1] != samples[2]
    assert Everything().freeze(samples[0])(torch.randn(2, 1, 8, 8)).shape == (2, 3)
