"""A method on a space that lacks what one of its parts needs is refused before any work."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from nni_darts.errors import ConfigError
from nni_darts.parts.requirement import NODES, cells_of_type, operation, requirements_of, requires
from nni_darts.recipe import Recipe, build_recipe, methods
from nni_darts.stages.defined import spaces_of
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.structure import Choice, Node, Structure
from search_spaces import S2, DartsSpace, NasBench201Space

FLAT = Structure({"cell/edge_0_1": Choice(("none", "conv"))})
CELLS = Structure(
    {"normal/edge_0_2": Choice(("skip_connect",))}, [Node(("normal/edge_0_2",), 1, lambda pairs: {})]
)


@requires(NODES, cells_of_type("reduce"))
def top_two_of_reduction_cells(state: SearchState) -> dict[str, Any]:
    raise AssertionError("never reached")


@requires(operation("skip_connect"))
class CountSkips:
    def __call__(self, state: SearchState) -> None:
        raise AssertionError("never reached")


@pytest.mark.parametrize(
    ("requirement", "flat", "cells"),
    [
        (NODES, False, True),
        (cells_of_type("normal"), False, True),
        (cells_of_type("reduce"), False, False),
        (cells_of_type("cel"), False, False),
        (operation("skip_connect"), False, True),
        (operation("conv"), True, False),
    ],
)
def test_what_is_met(requirement, flat: bool, cells: bool) -> None:
    assert (requirement.met(FLAT), requirement.met(CELLS)) == (flat, cells)


def test_declarations_add_up_and_reach_instances_and_partials() -> None:
    declared = requires(operation("conv"))(requires(NODES)(lambda state: None))
    assert [requirement.what for requirement in requirements_of(declared)] == [
        "nodes that choose among their incoming edges",
        'the operation "conv"',
    ]
    assert requirements_of(CountSkips()) == requirements_of(CountSkips)
    assert requirements_of(partial(top_two_of_reduction_cells)) == requirements_of(top_two_of_reduction_cells)
    assert requirements_of(object()) == ()


def recipe() -> Recipe:
    return build_recipe("darts", order=1).but(
        derivation=partial(top_two_of_reduction_cells), schedules=(CountSkips(),)
    )


def test_every_unmet_need_is_a_phrase_with_the_parts_name() -> None:
    assert recipe().unmet(FLAT) == [
        'CountSkips needs the operation "skip_connect"',
        "top_two_of_reduction_cells needs nodes that choose among their incoming edges",
        'top_two_of_reduction_cells needs cells of the type "reduce"',
    ]
    assert recipe().unmet(CELLS) == ['top_two_of_reduction_cells needs cells of the type "reduce"']


def test_the_strategy_refuses_before_it_changes_the_space() -> None:
    space = NasBench201Space(init_channels=2, cells=1)
    before = [type(module) for module in space.modules()]
    with pytest.raises(ConfigError) as caught:
        DifferentiableStrategy(recipe()).mutate_model(space)
    assert caught.value.problems == (
        "method: not defined on NasBench201Space: top_two_of_reduction_cells needs nodes that choose among "
        "their incoming edges, which it lacks.",
        "method: not defined on NasBench201Space: top_two_of_reduction_cells needs cells of the type "
        '"reduce", which it lacks.',
    )
    assert [type(module) for module in space.modules()] == before
    DifferentiableStrategy(recipe()).mutate_model(S2(init_channels=2, layers=3))


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize(
    "build",
    [
        lambda: DartsSpace(init_channels=8, layers=3, nodes=2),
        lambda: S2(init_channels=8, layers=3),
        lambda: NasBench201Space(init_channels=8, cells=1),
    ],
)
def test_every_method_is_built_on_a_space_or_refused_with_a_sentence(method: str, build) -> None:
    strategy = DifferentiableStrategy(build_recipe(method))
    try:
        strategy.mutate_model(build())
    except ConfigError as error:
        assert all(problem.startswith("method: not defined on") for problem in error.problems)


@pytest.mark.parametrize("name", ["pc-darts", "darts-minus"])
def test_what_works_on_channels_is_not_defined_on_recurrent_cells(name: str):
    recipe = build_recipe(name)
    assert "darts_rnn" not in spaces_of(recipe)
    assert "darts" in spaces_of(recipe)
