"""Clipping inside the unrolled step, as the recurrent search has it (card darts-rnn.md)."""

from __future__ import annotations

import pytest
import torch

from nni_darts.config.defaults import search_defaults
from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled, shortened
from nni_darts.recipe import build_recipe, with_outer_options
from nni_darts.state import SearchState
from tests.toy import paper_toy

ETA = 20.0


def state_with(length: float, slope: float = 0.2, decay: float = 0.0) -> SearchState:
    """L_train = alpha w: |G| = alpha and the second derivative is 1; L_val = slope w: v is the slope."""
    state = paper_toy(lr=ETA, weight_decay=decay)
    state.objective.training_module.losses.update(train=lambda w, a: a * w, val=lambda w, a: slope * w)
    with torch.no_grad():
        state.relaxation.alphas[0].fill_(length)
    return state


def gradient(state: SearchState, hvp: str, **options: object) -> float:
    return float(Unrolled(hvp, **options)(state)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_the_coefficient_of_the_second_derivative(hvp):
    """Card darts-rnn, item 5: eta 0.25 for |G| = 1; for 0.1 officially eta 2.5, else eta."""
    for length, official, k in ((1.0, False, 0.25), (1.0, True, 0.25), (0.1, True, 2.5), (0.1, False, 1.0)):
        k = min(k, 1.0) if not official else k
        found = gradient(state_with(length), hvp, clip=0.25, official=official)
        assert found == pytest.approx(-ETA * k * 0.2, rel=2e-5), (length, official)


def virtual(state: SearchState, **options: object) -> float:
    """The weight at which L_val was asked for."""
    seen = []
    weight = state.objective.training_module.weight
    state.objective.training_module.losses["val"] = lambda w, a: (seen.append(weight.item()), 0.2 * w)[1]
    Unrolled(**options)(state)  # type: ignore[arg-type]
    return seen[0]


def test_the_virtual_step_is_shortened_and_the_decay_is_not():
    """w' = w - eta (k G + lambda w), k = min(1, clip / (|G| + 1e-6))."""
    start, decay = -2.0, 1e-3
    for length, step in ((1.0, 0.25 / (1 + 1e-6)), (0.1, 0.1)):
        want = start - ETA * (step + decay * start)
        assert virtual(state_with(length, decay=decay), clip=0.25) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("hvp", ["fd", "exact"])
def test_the_vector_is_shortened_too(hvp):
    assert gradient(state_with(0.1, slope=3.0), hvp, clip=0.25) == pytest.approx(-ETA * 0.25, rel=1e-5)


@pytest.mark.parametrize("official", [False, True])
def test_a_weight_with_two_names_stays_in_the_official_virtual_step(official):
    state = state_with(0.1)
    module = state.objective.training_module
    module.tied_weights = [module.weight]
    want = -2.0 if official else -2.0 - ETA * 0.1
    assert virtual(state, clip=0.25, official=official) == pytest.approx(want, rel=1e-12)


def test_without_a_limit_nothing_is_clipped():
    given = [torch.tensor([3.0]), torch.tensor([4.0])]
    same, factor = shortened(given, None)
    assert (same[0] is given[0], factor) == (True, None)
    short, factor = shortened(given, 2.5)
    assert float(factor) == pytest.approx(0.5, rel=1e-6)
    assert [float(t) for t in short] == pytest.approx([1.5, 2.0], rel=1e-6)
    long, factor = shortened(given, 50.0)
    assert (torch.equal(long[0], given[0]), float(factor) > 9) == (True, True)


def test_a_limit_out_of_reach_is_no_limit_to_the_bit():
    assert gradient(state_with(0.1), "fd", clip=1e6) == gradient(state_with(0.1), "fd")


def test_the_method_passes_its_options_on():
    architect = build_recipe("darts", clip=0.25, official=True).architect
    assert (architect.clip, architect.official) == (0.25, True)
    with pytest.raises(ConfigError, match="method.clip: got 0; it must be greater than 0"):
        build_recipe("darts", clip=0)


def test_the_search_section_limits_every_architect_that_unrolls_and_has_no_limit_of_its_own():
    for options, clip in (({}, 0.25), ({"clip": 2.0}, 2.0)):
        recipe = with_outer_options(build_recipe("darts", **options), unrolled_clip=0.25)
        assert recipe.architect.clip == clip
    assert with_outer_options(build_recipe("darts")).architect.clip is None
    first = build_recipe("darts", order=1)
    assert with_outer_options(first, unrolled_clip=0.25).architect is first.architect


def test_on_texts_the_limit_is_that_of_the_authors():
    """Card darts-rnn, defaults: clip 0.25."""
    assert search_defaults("darts", "darts_rnn", text=True)["unrolled_clip"].value == 0.25
    assert "unrolled_clip" not in search_defaults("darts", "darts")
