"""The options of the architecture's level that every method has do what they say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled
from nni_darts.parts.edge_weights import EdgeNormalised
from nni_darts.parts.outer import Beginning, Cosine, OuterOptimiser, with_schedule
from nni_darts.parts.relaxation import Softmax
from nni_darts.parts.sigmoid import Sigmoid
from nni_darts.recipe import OUTER_OPTIONS, build_recipe, methods, with_outer_options
from nni_darts.stages.search import recipe_of
from nni_darts.supernet.structure import Structure
from tests.capture.interrupted import interrupted
from tests.capture.searches import largest_difference, outcome, search

COSINE = {"arch_schedule": "cosine", "arch_lr_min": 0.01}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # lr 0.1, decay 0.5 at a = 2, g = 3: Adam's first step is lr against the sign of g + decay a.
        ("adam", 2 - 0.1),
        ("adamw", 2 - 0.1 * 0.5 * 2 - 0.1),
        ("sgd", 2 - 0.1 * (3 + 0.5 * 2)),
    ],
)
def test_the_kinds_of_optimiser(kind: str, expected: float) -> None:
    alpha = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = OuterOptimiser(0.1, (0.5, 0.999), 0.5, kind)([alpha])
    alpha.grad = torch.tensor([3.0], dtype=torch.float64)
    optimizer.step()
    assert float(alpha) == pytest.approx(expected, abs=1e-7)


def test_adamw_keeps_the_decay_out_of_its_moments() -> None:
    """Coupled, a decay larger than the gradient turns the step around."""
    found = []
    for kind in ("adam", "adamw"):
        alpha = nn.Parameter(torch.tensor([-2.0], dtype=torch.float64))
        optimizer = OuterOptimiser(0.1, (0.5, 0.999), 0.5, kind)([alpha])
        alpha.grad = torch.tensor([0.5], dtype=torch.float64)
        optimizer.step()
        found.append(float(alpha))
    assert found == pytest.approx([-1.9, -2 + 0.1 * 0.5 * 2 - 0.1], abs=1e-7)


class Rates(Callback):
    """Both levels' rates at the beginning of every epoch."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, ...]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.seen.append(tuple(o.param_groups[0]["lr"] for o in trainer.optimizers))


def test_the_cosine_is_of_the_architecture_alone() -> None:
    """Begins at arch_lr, which ``search`` sets to 0.05, and would end at arch_lr_min after the last epoch."""
    rates = Rates()
    search(None, epochs=4, callbacks=[rates], **COSINE)
    weights, alphas = zip(*rates.seen, strict=True)
    assert alphas == pytest.approx([0.01 + 0.04 * (1 + math.cos(math.pi * e / 4)) / 2 for e in range(4)])
    plain = Rates()
    search(None, epochs=4, callbacks=[plain])
    assert [pair[0] for pair in plain.seen] == list(weights)
    assert {pair[1] for pair in plain.seen} == {0.05}


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_a_search_that_is_stopped_continues_to_the_bit(tmp_path: Path, kind: str) -> None:
    """Schedules, states of the optimisers and first alphas; in the middle of the second epoch."""
    options = {**COSINE, "arch_optimizer": kind, "arch_init": 0.5, "arch_init_mean": 1.0}
    whole = outcome(search(None, **options))

    assert largest_difference(interrupted(tmp_path / "run", 6, **options), whole) == 0


def test_the_forms_of_a_lightning_modules_optimisers() -> None:
    weights, alphas = ([nn.Parameter(torch.zeros(1))] for _ in range(2))
    inner, outer = SGD(weights, 0.1), Adam(alphas, 0.1)
    step = StepLR(inner, 1)

    def cosine(optimizer: Any) -> CosineAnnealingLR:
        assert optimizer is outer
        return CosineAnnealingLR(optimizer, 3)

    optimizers, (first, second) = with_schedule(([inner, outer], [step]), cosine)
    assert (optimizers, first, second.optimizer) == ([inner, outer], step, outer)
    optimizers, (only,) = with_schedule([inner, outer], cosine)
    assert (optimizers, only.optimizer) == ([inner, outer], outer)
    first, last = with_schedule([{"optimizer": inner, "lr_scheduler": step}, {"optimizer": outer}], cosine)
    assert first == {"optimizer": inner, "lr_scheduler": step}
    assert last["lr_scheduler"].optimizer is outer


def test_the_first_alphas() -> None:
    relaxation = Softmax({"edge": 20_000})
    Beginning(0.5, -2.0)(relaxation)
    alpha = relaxation.alpha("edge")
    assert float(alpha.mean()) == pytest.approx(-2, abs=0.02)
    assert float(alpha.std()) == pytest.approx(0.5, abs=0.02)
    Beginning(mean=3.0)(relaxation)  # the scale stays that of the relaxation
    assert float((alpha - 3).abs().max()) < 0.01
    gates = Sigmoid({"edge": 3})
    Beginning(mean=1.5)(gates)
    assert gates.alpha("edge").tolist() == [1.5] * 3


def test_edge_weights_begin_around_zero() -> None:
    relaxation = EdgeNormalised({"edge": 2})
    relaxation.prepare(Structure())
    relaxation.betas.append(nn.Parameter(torch.ones(2)))
    Beginning(0.0, 4.0)(relaxation)
    assert relaxation.alpha("edge").tolist() == [4.0, 4.0]
    assert relaxation.betas[0].tolist() == [0.0, 0.0]


def test_a_search_begins_with_them_and_without_them_as_ever() -> None:
    def first(**options: Any) -> torch.Tensor:
        strategy = search(None, epochs=1, warmup_epochs=1, **options)
        return torch.cat([alpha.detach() for alpha in strategy.oneshot_module.state.outer_parameters])

    assert torch.equal(first(arch_init=0.0, arch_init_mean=0.25), torch.full_like(first(), 0.25))
    assert torch.equal(first(), first(arch_init=None))
    assert not torch.equal(first(arch_init=1e-3), first())  # drawn anew


@pytest.mark.parametrize("name", methods())
def test_every_method_has_them(name: str) -> None:
    options = {
        "arch_lr": 0.02,
        "arch_betas": [0.7, 0.8],
        "arch_weight_decay": 0.1,
        "arch_optimizer": "adamw",
        "arch_schedule": "cosine",
        "arch_lr_min": 1e-4,
        "arch_init": 0.3,
        "arch_init_mean": -1.0,
        "arch_grad_clip": 2.0,
        "unrolled_clip": 0.5,
        "warmup_epochs": 2,
        "weight_steps": 3,
    }
    assert set(options) == set(OUTER_OPTIONS)
    settings = Settings.from_dict({"method": {"name": name}, "search": options})
    recipe, bare = recipe_of(settings), build_recipe(name)
    assert recipe.outer_optimiser == OuterOptimiser(0.02, (0.7, 0.8), 0.1, "adamw")
    assert (recipe.outer_schedule, recipe.outer_clip) == (Cosine(1e-4), 2.0)
    assert recipe.beginning == Beginning(0.3, -1.0)
    assert (recipe.weight_steps, len(recipe.schedules)) == (3, len(bare.schedules) + 1)
    assert settings.to_dict()["search"] == {**settings.to_dict()["search"], **options}
    if isinstance(bare.architect, Unrolled):
        assert isinstance(recipe.architect, Unrolled)
        assert recipe.architect.clip == 0.5


def test_what_they_do_not_allow() -> None:
    recipe = build_recipe("darts")
    with pytest.raises(ConfigError, match='search.arch_optimizer: got "lion"; write adam, adamw, sgd'):
        with_outer_options(recipe, arch_optimizer="lion")
    with pytest.raises(ConfigError, match='search.arch_schedule: got "step"; write constant or cosine'):
        with_outer_options(recipe, arch_schedule="step")
    with pytest.raises(ConfigError) as caught:
        Settings.from_dict(
            {"search": {"arch_optimizer": "lion", "arch_init": -1, "arch_init_mean": "a", "arch_schedule": 1}}
        )
    assert len(caught.value.problems) == 4
    for search_settings, words in (
        ({"arch_schedule": "cosine", "arch_lr_min": 0.1}, "must not exceed search.arch_lr"),
        ({"arch_lr_min": 1e-5}, "is the end of arch_schedule cosine"),
    ):
        with pytest.raises(ConfigError, match=words):
            Settings.from_dict({"search": search_settings})
