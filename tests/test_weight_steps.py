"""Several weight steps for every architecture step; recorded ones are in tests/capture/test_search.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.parts.architect import first_order
from nni_darts.parts.weight_step import descend
from nni_darts.recipe import Recipe
from nni_darts.stages.search import recipe_of
from nni_darts.state import SearchState
from tests.capture.interrupted import interrupted
from tests.capture.searches import largest_difference, outcome, search


class Log:
    """Which step happened at which batch, with the batches' labels; ``parts`` go into a recipe."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, list[int], list[int]]] = []

    def note(self, kind: str, state: SearchState) -> None:
        labels = (batch[1].tolist() for batch in (state.train_batch, state.valid_batch))
        self.events.append((kind, state.step, *labels))

    def parts(self) -> dict[str, Any]:
        def architect(state: SearchState) -> list[torch.Tensor]:
            self.note("alpha", state)
            return first_order(state)

        def weight_step(state: SearchState) -> None:
            self.note("w", state)
            descend(state)

        return {"architect": architect, "weight_step": weight_step}


def steps(times: int, **options: Any) -> list[tuple[str, int, list[int], list[int]]]:
    log = Log()
    search(None, recipe_parts=log.parts(), weight_steps=times, **options)
    return log.events


def test_groups_of_batches_begin_with_an_architecture_step() -> None:
    """Four batches an epoch: every epoch begins anew, its last group may be shorter."""
    events = steps(3, epochs=2)
    assert [(kind, step) for kind, step, *_ in events] == 2 * [
        *(("alpha", 0), ("w", 0), ("w", 1), ("w", 2)),
        *(("alpha", 3), ("w", 3)),
    ]


def test_an_epoch_stays_one_pass_over_the_training_batches() -> None:
    training = [train for kind, _, train, _ in steps(3, epochs=2) if kind == "w"]
    assert training == [train for kind, _, train, _ in steps(1, epochs=2) if kind == "w"]


def test_the_architecture_takes_validation_batches_in_turn() -> None:
    """Two architecture steps see the first two batches of the loader, not the first and the fourth."""
    seen = [valid for kind, *_, valid in steps(3, epochs=1) if kind == "alpha"]
    alternating = [valid for kind, *_, valid in steps(1, epochs=1) if kind == "alpha"]
    assert seen == alternating[:2]


def test_one_is_the_alternation_to_the_bit_and_two_is_not() -> None:
    alternating = outcome(search(None, order=2))
    assert largest_difference(alternating, outcome(search(None, order=2, weight_steps=1))) == 0
    other = outcome(search(None, order=2, weight_steps=2))
    assert largest_difference(alternating["state"], other["state"]) > 0


@pytest.mark.parametrize("stop", [2, 3, 6, 8])
def test_a_search_that_is_stopped_inside_a_group_continues_to_the_bit(tmp_path: Path, stop: int) -> None:
    whole = outcome(search(None, weight_steps=3))
    assert largest_difference(interrupted(tmp_path / "run", stop, weight_steps=3), whole) == 0


def test_warm_up_epochs_have_none() -> None:
    events = steps(2, epochs=2, warmup_epochs=1)
    assert [step for kind, step, *_ in events if kind == "alpha"] == [0, 2]
    assert [kind for kind, *_ in events[:4]] == ["w"] * 4


def test_every_method_has_the_setting_and_may_bring_a_value_of_its_own() -> None:
    settings = {"method": {"name": "gdas"}, "search": {"weight_steps": 3}}
    assert recipe_of(Settings.from_dict(settings)).weight_steps == 3
    assert recipe_of(Settings.from_dict({"search": {"weight_steps": None}})).weight_steps == 1
    with pytest.raises(ConfigError, match="search.weight_steps: expected a whole number >= 1"):
        Settings.from_dict({"search": {"weight_steps": 0}})


def test_less_than_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="search.weight_steps: got 0; it must be 1 or more."):
        Recipe(first_order, weight_steps=0)
