"""Card random-search, "How a test proves it", items 1 to 4 and 6, for weight sharing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, genotype_of
from nni_darts.methods.random_ws import Ranking, measured
from nni_darts.parts.derivation import NONE
from nni_darts.parts.measure import Measured
from nni_darts.parts.paths import Path, draw
from nni_darts.recipe import build_recipe
from nni_darts.supernet.space import read_structure
from nni_darts.supernet.structure import Structure
from search_spaces import DartsSpace, NasBench201Space
from tests.methods.test_gumbel_methods import built, cells
from tests.methods.tiny import searched, tiny_space
from tests.toy import paper_toy

DRAWS = 4000


def drawn(structure: Structure, count: int, none: bool = True) -> list[Path]:
    generator = np.random.Generator(np.random.PCG64(0))
    return [draw(structure, generator, none) for _ in range(count)]


@pytest.fixture(scope="module")
def darts() -> Structure:
    return read_structure(DartsSpace(init_channels=2, layers=3))[0]


@pytest.fixture(scope="module")
def paths(darts: Structure) -> list[Path]:
    return drawn(darts, DRAWS)


def test_edges_and_operations_are_uniform(paths: list[Path]):
    """Item 1: node 3 takes each of five inputs with probability 0.4; 1/8 for each operation."""
    inputs, operations = Counter(), Counter()
    for path in paths:
        assert sorted(edge for edge, _ in path.pairs[0]) == [0, 1]
        inputs.update(edge for edge, _ in path.pairs[3])
        operations.update(operation for pairs in path.pairs for _, operation in pairs)
    assert all(abs(inputs[edge] / DRAWS - 0.4) < 0.04 for edge in range(5))
    assert all(abs(operations[k] / (16 * DRAWS) - 1 / 8) < 0.007 for k in range(8))


def test_two_inputs_differ_and_gates_have_eight_ones_in_each_cell(paths: list[Path]):
    """Item 2."""
    for path in paths[:50]:
        assert [len({edge for edge, _ in pairs}) for pairs in path.pairs] == [2] * 8
        for kind in ("normal", "reduce"):
            rows = torch.stack([row for label, row in path.gates().items() if label.startswith(kind)])
            assert rows.shape == (14, 8)
            assert (rows == 1).sum() == 8
            assert rows.sum() == 8
            assert rows.sum(1).max() == 1


def test_none_is_drawn_and_the_discrete_network_takes_it(darts: Structure, paths: list[Path]):
    """Item 3: (7/8)^16 of all have none of it."""
    none = darts.choices["normal/edge_0_2"].values.index(NONE)
    without = sum(all(k != none for pairs in path.pairs for _, k in pairs) for path in paths)
    assert abs(without / DRAWS - 0.118) < 0.026
    path = next(path for path in paths if any(k == none for _, k in path.pairs[0]))
    sample = path.sample()
    assert NONE in [operation for operation, _ in genotype_of(sample).normal]
    network = DartsSpace(init_channels=2, layers=3).freeze(sample)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    architecture = Architecture.from_sample(sample, space="darts", method="m", macro={}, provenance={})
    assert Architecture.from_json(architecture.to_json()) == architecture
    for path in drawn(darts, 100, none=False):
        assert all(k != none for pairs in path.pairs for _, k in pairs)


def test_a_path_of_the_supernet_is_the_network_on_its_own():
    """Item 4, with BatchNorms on the statistics of the batch; what is not on the path does not run."""
    module = built("random-ws", cells())
    torch.manual_seed(3)
    path = drawn(module.state.structure, 1)[0]
    sample = path.sample()
    network = cells().freeze(sample).double()
    shared = dict(module.model.named_parameters())
    with torch.no_grad():
        for name, weight in network.named_parameters():
            before, _, after = name.partition(".edges.")
            edge, _, rest = after.partition(".")
            key = f"{before}.edges.{edge}.{sample[f'cell/edge_{edge}']}.{rest}" if after else name
            if found := [k for k in (key, f"network.{key}") if k in shared]:
                weight.copy_(shared[found[0]])
            else:
                assert ".bn." in name, name  # with weights in the network alone, where they are 1 and 0
    x = torch.randn(4, 1, 8, 8).double()
    with module.state.weights.replaced({k: row.double() for k, row in path.gates().items()}):
        assert torch.allclose(module.model.train()(x), network.train()(x), rtol=1e-10, atol=1e-12)


def test_every_forward_trains_another_path():
    module = built("random-ws", tiny_space().double())
    seen = set()
    for _ in range(6):
        module.model(torch.randn(2, 1, 8, 8).double())
        seen.add(str({label: row.tolist() for label, row in module.state.weights.current.items()}))
    assert len(seen) > 4
    rows = module.relaxation.probabilities()
    assert all(torch.allclose(row, torch.full_like(row, 1 / len(row))) for row in rows.values())


def scored(monkeypatch: pytest.MonkeyPatch, rule: Ranking, epoch: int = 1) -> tuple[Any, list[list[int]]]:
    """The rule's answer where an architecture errs by its first operation, and the batches it looked at."""
    state = paper_toy()
    state.structure = read_structure(NasBench201Space(init_channels=2, cells=1))[0]
    state.epochs, state.epoch = 2, epoch
    state.validation = lambda: iter(range(5))
    asked: list[list[int]] = []

    def of(state: Any, path: Path, batches: list[int]) -> Measured:
        asked.append(batches)
        (first, *_) = path.others.values()
        # On few batches the first operation looks best; on all of them the second does.
        errors = abs(first[0] - (0 if len(batches) == 2 else 1))
        return Measured(loss=-errors, accuracy=1 - errors)

    monkeypatch.setattr("nni_darts.methods.random_ws.measured", of)
    torch.manual_seed(1)
    return rule(state, {}), asked


def test_ranking_scores_in_a_circle_and_the_best_again_on_everything(monkeypatch: pytest.MonkeyPatch):
    """Item 6: only validation batches, and the same seed is the same winner."""
    stop, asked = scored(monkeypatch, Ranking(40, 2, 20, True))
    assert asked[:4] == [[0, 1], [2, 3], [4, 0], [1, 2]]
    assert asked[40:] == [[0, 1, 2, 3, 4]] * 20
    assert next(iter(stop.sample.values())) == "skip_connect"
    assert stop == scored(monkeypatch, Ranking(40, 2, 20, True))[0]
    assert scored(monkeypatch, Ranking(40, 2, 20, True), epoch=0)[0] is None


def test_a_whole_search_ends_with_the_best_path():
    strategy = searched(build_recipe("random-ws", candidates=6, batches=1, finalists=2))
    module = strategy.oneshot_module
    assert module.ending.stop.reason.startswith("the best of 6 random architectures errs on ")
    sample = module.export()
    assert tiny_space().freeze(sample)(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    again = searched(build_recipe("random-ws", candidates=6, batches=1, finalists=2))
    assert again.oneshot_module.export() == sample
    best = next(path for path in paths_of(module.state.structure, 6) if path.sample() == sample)
    found = measured(module.state, best, list(module.trainer.val_dataloaders))
    assert found.harm == 1 - found.accuracy
    assert f"errs on {found.harm:.2%} with" in module.ending.stop.reason


def paths_of(structure: Structure, count: int) -> list[Path]:
    generator = np.random.Generator(np.random.PCG64(torch.initial_seed()))
    return [draw(structure, generator, True) for _ in range(count)]


def test_numbers_below_one_are_refused():
    with pytest.raises(ConfigError, match="method.finalists: got 0; it must be 1 or more"):
        build_recipe("random-ws", finalists=0)
