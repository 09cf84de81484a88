from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor, nn

from nni_darts.diagnostics.discretisation import discretised, gap, gates
from nni_darts.engine import SearchModule
from nni_darts.methods.random_ws import measured
from nni_darts.parts.paths import Path, draw
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.classifier import Classifier
from search_spaces import S2, DartsSpace, NasBench201Space
from tests.methods.tiny import tiny_space
from tests.supernet.spaces import Everything


class Says(nn.Module):
    """Always the same class, with so much confidence."""

    def __init__(self, label: int, confidence: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(confidence * torch.eye(2)[label])

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 2)


class Speakers(ModelSpace):
    def __init__(self) -> None:
        super().__init__()
        self.choice = LayerChoice({"loud": Says(0, 10.0), "meek": Says(1, 1.0)}, label="says")
        self.norm = nn.BatchNorm1d(2, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        self.norm(torch.randn(len(x), 2))
        return self.choice(x)


def module_of(space: ModelSpace, method: str = "darts", **options: Any) -> SearchModule:
    strategy = DifferentiableStrategy(build_recipe(method, **options))
    model = strategy.mutate_model(space)
    search = strategy.configure_oneshot_module(Classifier(epochs=1))
    search.set_model(model)
    return search


LABELS = torch.tensor([1, 1, 1, 0])  # "meek" is right three times out of four


@pytest.fixture
def speakers() -> SearchModule:
    search = module_of(Speakers())
    search.state.validation = lambda: [(torch.zeros(2, 1), half) for half in LABELS.split(2)]
    with torch.no_grad():
        search.relaxation.alpha("says").copy_(torch.tensor([0.4, 0.6]).log())
    return search


def test_the_mixture_and_what_is_derived_from_it_disagree(speakers: SearchModule) -> None:
    """0.4 * 10 outweighs 0.6 * 1, so that the mixture says 0; the strongest candidate alone says 1."""
    state = speakers.state
    sample = speakers.export()
    assert sample == {"says": "meek"}
    before = {"valid_accuracy": 25.0, "valid_loss": 1.0}
    with state.evaluating():
        assert (speakers.training_module.model(torch.zeros(4, 1)).argmax(1) == 0).all()
    after = discretised(state, sample, nullcontext)
    assert after["valid_accuracy"] == 75.0
    right, wrong = torch.log_softmax(torch.tensor([1.0, 0.0]), 0).tolist()
    assert after["valid_loss"] == pytest.approx(-(3 * right + wrong) / 4)
    found = gap(before, after)
    assert found["discretisation_gap"] == -50.0
    assert found["discretised_accuracy"] == 75.0
    assert discretised(state, {"says": "loud"}, nullcontext)["valid_accuracy"] == 25.0


def test_it_leaves_no_trace(speakers: SearchModule) -> None:
    speakers.training_module.valid_scores.sums.fill_(7.0)
    before = {name: tensor.clone() for name, tensor in speakers.state_dict().items()}
    modes = [module.training for module in speakers.modules()]
    discretised(speakers.state, {"says": "loud"}, nullcontext)
    assert all(torch.equal(tensor, before[name]) for name, tensor in speakers.state_dict().items())
    assert [module.training for module in speakers.modules()] == modes
    assert not speakers.training_module._is_muted


def test_an_evaluator_without_metrics_gives_nothing() -> None:
    search = module_of(Speakers())
    search.state.objective.training_module = nn.Linear(1, 1)
    assert discretised(search.state, {"says": "loud"}, nullcontext) == {}
    assert gap({"valid_accuracy": 1.0}, {}) == gap({}, {"valid_accuracy": 1.0}) == {}


@pytest.mark.parametrize(
    "space",
    [
        lambda: DartsSpace(init_channels=2, layers=3),
        lambda: S2(init_channels=2, layers=3),
        lambda: NasBench201Space(init_channels=4, cells=1),
        Everything,
    ],
)
def test_a_sample_is_read_back_as_the_path_that_wrote_it(space: Any) -> None:
    structure = module_of(space()).state.structure
    generator = np.random.Generator(np.random.PCG64(0))
    for path in (draw(structure, generator, none=True) for _ in range(20)):
        assert Path.of(structure, path.sample()) == path


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("darts", {}),
        ("gdas", {}),
        ("fair-darts", {}),
        ("random-ws", {}),
        ("pc-darts", {"edge_weights": False}),
    ],
)
def test_it_is_the_path_of_the_supernet_whatever_the_relaxation(method: str, options: Any) -> None:
    search = module_of(tiny_space(init_channels=4), method, **options)
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(16, 1, 8, 8, generator=generator), torch.randint(3, (16,), generator=generator)
    search.state.validation = lambda: [batch]
    structure = search.state.structure
    for seed in range(3):
        path = draw(structure, np.random.Generator(np.random.PCG64(seed)), none=False)
        found = discretised(search.state, path.sample(), nullcontext)["valid_accuracy"]
        assert found == pytest.approx(100 * measured(search.state, path, [batch]).accuracy)


def test_an_edge_that_is_not_kept_passes_nothing_by() -> None:
    """PC-DARTS: three quarters of the channels go round the operations, and with them the edge's weight."""
    search = module_of(tiny_space(init_channels=4, layers=1, nodes=2), "pc-darts")
    state = search.state
    sample = search.export()
    found = gates(state, sample)
    assert set(found) == set(state.relaxation())
    kept = sample["reduce/input_3"]
    edges = [[1.0, 1.0], [float(source in kept) for source in range(3)]]
    assert [found[f"incoming edges of node {k}"].tolist() for k in range(2)] == edges
    with state.evaluating(), state.weights.replaced(found):
        search.training_module.model(torch.randn(2, 1, 8, 8))
        (left_out,) = set(range(3)) - set(kept)
        seen = {}
        for layer in search.training_module.model.modules():
            if getattr(layer, "label", None) in {f"reduce/edge_{source}_3" for source in range(3)}:
                layer.register_forward_hook(lambda m, i, out: seen.update({m.label: bool(out.any())}))
        search.training_module.model(torch.randn(2, 1, 8, 8))
    assert not seen.pop(f"reduce/edge_{left_out}_3")
    assert list(seen.values()) == [True, True]
