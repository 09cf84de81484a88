"""Methods with other parts, by name: what makes sense works, everything else is a sentence."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner

from nni_darts.cli.program import program
from nni_darts.config import Settings, validate
from nni_darts.errors import ConfigError
from nni_darts.methods.pc_darts import PartialChannels, Rest
from nni_darts.parts.architect import Unrolled
from nni_darts.parts.derivation import strongest
from nni_darts.parts.edge_weights import EdgeNormalised
from nni_darts.parts.gumbel import GumbelSoftmax
from nni_darts.parts.named import SLOTS
from nni_darts.parts.perturbation import Perturbation
from nni_darts.parts.schedule import WarmUp
from nni_darts.recipe import Recipe, build_recipe
from nni_darts.recipe.combination import find
from nni_darts.stages.search import recipe_of
from tests.methods.tiny import searched, state_of, tiny_space

SEVERAL = """
method:
  name: pc-darts
  k: 4
  parts:
    architect: {name: unrolled, hvp: exact, radius: 1e-3}
    outer_regularisers: [{name: beta-decay, strength: 20}]
    weight_step: random-smoothing
    schedules: [{name: warm-up, epochs: 1}, "user_parts:Freeze"]
    derivation: {name: "user_parts:derive", loud: false}
"""

USERS = """
from nni_darts.parts.derivation import strongest

class Freeze:
    def __init__(self, after: int = 1):
        self.after = after
    def __call__(self, state):
        state.architecture_moves = state.architecture_moves and state.epoch < self.after

def derive(state, loud: bool = True):
    return {"loud": loud, **strongest(state)}

ready = Freeze(3)
number = 3
"""


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that modules are imported from."""
    (tmp_path / "user_parts.py").write_text(USERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def problems(name: str, parts: dict[str, Any], **options: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build_recipe(name, parts, **options)
    return caught.value.problems


@pytest.mark.usefixtures("folder")
def test_a_file_names_parts_of_several_methods_and_a_part_of_the_users_own():
    settings = Settings.from_dict(yaml.safe_load(SEVERAL))
    assert Settings.from_dict(yaml.safe_load(yaml.safe_dump(settings.to_dict()))) == settings
    assert settings.method.options == {"k": 4}
    recipe = recipe_of(settings)
    assert isinstance(recipe.architect, Unrolled)
    assert (recipe.architect.exact, recipe.architect.radius) == (True, 1e-3)
    assert recipe.relaxation is EdgeNormalised
    assert recipe.edges == (PartialChannels(4, True),)
    (decay,) = recipe.outer_regularisers
    assert decay.strength.stop == 20
    # The method's own schedules come first, in front of them the one that every method has.
    assert [type(part).__name__ for part in recipe.schedules] == ["WarmUp", "Rest", "WarmUp", "Freeze"]
    assert isinstance(recipe.derivation, partial)
    assert recipe.derivation.keywords == {"loud": False}


@pytest.mark.usefixtures("folder")
def test_such_a_combination_searches():
    content = yaml.safe_load(SEVERAL)["method"]
    parts = {**content["parts"], "schedules": []}
    parts["architect"]["radius"] = 1e-3
    recipe = build_recipe("pc-darts", parts, k=2, warmup_epochs=0)
    found = searched(recipe, tiny_space(init_channels=4))
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state_of(found).values())
    assert found.oneshot_module.export().pop("loud") is False


@pytest.mark.usefixtures("folder")
def test_the_same_parts_from_python():
    plain = build_recipe("darts", order=1)
    named = plain.with_parts({"architect": "unrolled", "schedules": ["user_parts:ready", WarmUp(2)]})
    assert isinstance(named.architect, Unrolled)
    assert [getattr(part, "after", None) for part in named.schedules] == [3, None]
    assert plain.with_parts({"derivation": strongest}) == plain
    tail = Perturbation()
    assert plain.with_parts({"tail": tail}).tail is tail
    drawn = plain.with_parts({"relaxation": {"name": "gumbel-softmax", "hard": True}})
    assert drawn.relaxation.func is GumbelSoftmax  # type: ignore[union-attr]
    assert drawn.relaxation({"a": 2}).chooses


def test_the_example_of_the_issue_searches():
    """PC-DARTS + beta-decay + second order + perturbation."""
    parts = {
        "architect": {"name": "unrolled", "hvp": "fd"},
        "outer_regularisers": [{"name": "beta-decay", "strength": 50}],
        "derivation": {"name": "perturbation", "interval": 1},
    }
    recipe = build_recipe("pc-darts", parts, k=2, warmup_epochs=0)
    assert isinstance(recipe.tail, Perturbation)
    found = searched(recipe, tiny_space(("none", "skip_connect", "avg_pool_3x3"), init_channels=4), epochs=1)
    module = found.oneshot_module
    assert len(module.epochs.tail.memory["edges"]) == 2
    assert tiny_space(("none", "skip_connect", "avg_pool_3x3"), init_channels=4).freeze(module.export())


def test_what_belongs_together_comes_together():
    recipe = build_recipe("darts", {"edges": {"name": "partial-channels", "k": 2}}, order=1)
    assert recipe.relaxation is EdgeNormalised
    both = build_recipe("darts", {"architect": "single-level"})
    assert both.architect.__self__ is both.weight_step.__self__  # type: ignore[attr-defined]
    assert "fills weight_step, which method.parts.architect has filled" in "".join(
        problems("darts", {"architect": "single-level", "weight_step": "descend"})
    )


def test_everything_that_is_wrong_is_told_at_once():
    found = problems(
        "pc-darts",
        {
            "architekt": "unrolled",
            "architect": {"name": "unrolled", "radus": 3, "hvp": "fd"},
            "derivation": "strongst",
            "edges": [{"name": "partial-channels", "k": 0}, 3],
            "stopping": "no_such_module:thing",
            "forward": ["weighted-sum", "only-chosen"],
            "outer_regularisers": {"name": "beta-decay", "strength": "much"},
        },
        k="four",
        kk=4,
    )
    assert [problem.partition(":")[0] for problem in found] == [
        *("method.k", "method.kk", "method.parts.architekt", "method.parts.architect.radus"),
        *("method.parts.derivation", "method.parts.edges[0].k", "method.parts.edges[1]"),
        *("method.parts.stopping", "method.parts.forward", "method.parts.outer_regularisers.strength"),
    ]
    text = "\n".join(found)
    for near in ("architect?", "radius?", "strongest?", ">= 1, got 0", 'expected a number, got "much"'):
        assert near in text
    found = problems("darts", {"architect": {"name": "unrolled", "hvp": "f"}}, order=3)
    assert [problem.partition(":")[0] for problem in found] == ["method.order", "method.parts.architect.hvp"]


@pytest.mark.usefixtures("folder")
def test_a_users_part_that_is_none():
    assert "neither a function nor a class" in problems("darts", {"setup": "user_parts:number"})[0]
    assert "cannot be imported" in problems("darts", {"setup": "user_parts:nothing"})[0]
    assert "is missing" in problems("darts", {"schedules": "warm-up"})[0]


@pytest.mark.parametrize(
    "name, parts, sentence",
    [
        ("gdas", {"architect": "unrolled"}, "Unrolled (architect) needs a relaxation that draws nothing"),
        ("gdas", {"relaxation": "softmax"}, "only_chosen (forward) needs weights that are 0"),
        ("snas", {"relaxation": "softmax"}, "Cooling (schedules) needs a relaxation with a temperature"),
        ("snas", {"architect": "first-order"}, "SingleLevel (weight_step) needs to fill both"),
        ("snas", {"outer_regularisers": "beta-decay"}, "SingleLevel (architect) needs outer_regularisers"),
        ("darts", {"inner_regularisers": "beta-decay"}, "LogSumExp (inner_regularisers) needs to stand"),
        ("fair-darts", {"outer_regularisers": "beta-decay"}, "LogSumExp (outer_regularisers) needs mixtures"),
        ("fair-darts", {"weight_step": "adversarial"}, "Adversarial (weight_step) needs mixtures"),
        ("darts", {"derivation": "threshold"}, "Reaching (derivation) needs gates"),
        ("darts", {"outer_regularisers": "zero-one"}, "ZeroOne (outer_regularisers) needs gates"),
        ("pc-darts", {"edges": "auxiliary-skip"}, "AuxiliarySkip (edges) needs to be the only part"),
        ("pc-darts", {"relaxation": "softmax"}, "PartialChannels (edges) needs relaxation: edge-normalised"),
        ("darts", {"relaxation": "edge-normalised"}, "EdgeNormalised (relaxation) needs a part of edges"),
        (
            "noisy-darts",
            {"architect": "unrolled"},
            "NoiseOnSkip (edges) needs an architect without finite differences",
        ),
        ("snas", {"stopping": "eigenvalue-jump"}, "EigenvalueJump (stopping) needs a relaxation"),
        ("random-ws", {"architect": "first-order"}, "UniformPaths (relaxation) needs architect: none"),
        ("snas", {"derivation": "perturbation"}, "Perturbation (tail) needs a relaxation"),
        ("darts", {"derivation": "uniform"}, "uniform (derivation) needs architect: none"),
        ("random-search", {"outer_regularisers": "beta-decay"}, "leave (architect) needs outer_regularisers"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, parts: dict[str, Any], sentence: str):
    assert any(problem.startswith(f"method: {sentence}") for problem in problems(name, parts))


@pytest.mark.parametrize(
    "name, parts",
    [
        ("darts", {"outer_regularisers": "zero-one", "derivation": "threshold", "relaxation": "sigmoid"}),
        ("snas", {"inner_regularisers": "beta-decay"}),
        ("snas", {"architect": "first-order", "weight_step": "descend"}),
        ("pc-darts", {"edges": "noise-on-skip", "weight_step": "adversarial", "stopping": "eigenvalue-jump"}),
        ("gdas", {"edges": {"name": "partial-channels", "k": 2, "edge_weights": False}}),
        ("random-search", {"weight_step": "descend", "stopping": "random-ranking"}),
    ],
)
def test_what_makes_sense_is_not(name: str, parts: dict[str, Any]):
    assert build_recipe(name, parts).conflicts() == []


@pytest.mark.parametrize("slot", SLOTS)
def test_every_name_leads_to_a_part_that_says_what_it_is(slot: str):
    assert hasattr(Recipe(architect=strongest), slot)
    for name in SLOTS[slot].parts:
        assert find(slot, name, "here").__doc__


def test_the_recipe_of_a_users_own_is_checked_before_training():
    recipe = build_recipe("gdas").but(architect=Unrolled())
    with pytest.raises(ConfigError, match="draws nothing"):
        searched(recipe)


def test_rests_add_up():
    recipe = build_recipe("pc-darts", {"schedules": {"name": "warm-up", "epochs": 1}}, warmup_epochs=2)
    state: Any = type("State", (), {"epochs": 3})
    moves = []
    for epoch in range(3):
        state.epoch, state.architecture_moves = epoch, True
        for schedule in recipe.schedules:
            schedule(state)
        moves.append(state.architecture_moves)
    assert moves == [False, False, True]
    assert recipe.schedules == (Rest(2), WarmUp(1))


def test_validate_and_the_command_line_find_it_before_any_work(folder: Path):
    file = folder / "file.yml"
    file.write_text("method: {name: gdas, parts: {architect: unrolled}}\nstages: [search]\n")
    (problem,) = validate(file)
    assert problem.startswith(f"{file}:1: method: Unrolled")
    file.write_text(SEVERAL + "stages: [search]\n")
    assert validate(file) == []
    tuner = {"codeDirectory": str(folder), "className": "a.B", "classArgs": {"method": {"name": "gdas"}}}
    axis = {"method.parts.architect": {"_type": "choice", "_value": ["first-order", "unrolled"]}}
    file.write_text(yaml.safe_dump({"searchSpace": axis, "tuner": tuner}))
    (problem,) = [problem for problem in validate(file) if "searchSpace" in problem]
    assert "with method.parts.architect=unrolled: method: Unrolled (architect) needs" in problem
    out = folder / "run"
    for assignment, told in (("architect=unroled", "Did you mean unrolled?"), ("stoping=x", "stopping?")):
        result = CliRunner().invoke(
            program, ["search", "--set", f"method.parts.{assignment}", "--out", str(out)]
        )
        assert result.exit_code == 2
        assert told in result.output
        assert not out.exists()
