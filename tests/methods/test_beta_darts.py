"""Card beta-darts, "How a test proves it", items 5 and 6, and its pitfall on the second order."""

from __future__ import annotations

import pytest
import torch

from nni_darts.errors import ConfigError
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.recipe import build_recipe
from tests.capture.fakes import Rerun, Tape
from tests.capture.searches import largest_difference, outcome, search
from tests.parts.test_architect import network
from tests.parts.test_regulariser import CARD, state_with


def parts(**options):
    return {"outer_regularisers": build_recipe("beta-darts", **options).outer_regularisers}


def test_the_first_epoch_is_darts_to_the_bit_and_the_second_is_not():
    """Item 5."""
    for epochs, equal in ((1, True), (2, False)):
        ours = outcome(search(None, epochs=epochs, recipe_parts=parts()))
        assert (largest_difference(ours, outcome(search(None, epochs=epochs))) == 0) == equal


def test_lambda_is_the_same_in_all_steps_of_an_epoch():
    """Item 5: a function of the epoch alone, whatever the length of the search."""
    state = state_with(CARD)
    (decay,) = parts()["outer_regularisers"]
    for epoch, strength in ((0, 0.0), (1, 0.5), (49, 24.5), (99, 49.5)):
        for state.epochs in (50, 100):
            for state.step in (0, 7):
                state.clock.fill_(epoch)
                assert abs(decay(state) - strength * 1.2967726411) < 1e-7


@pytest.mark.parametrize("architect", [first_order, Unrolled("fd"), Unrolled("exact")])
def test_its_gradient_is_added_once_before_the_optimiser(architect):
    """Item 6, on gradients; for the second order in the direct term only, as the card's pitfall asks."""
    plain = architect(network())
    state = network()
    state.outer_regularisers = parts()["outer_regularisers"]
    state.clock.fill_(30)
    count = len(state.outer_parameters)  # one type of cell has 5 choices, both have 10
    for found, without, alpha in zip(architect(state), plain, state.outer_parameters, strict=True):
        want = without + 15.0 * alpha.detach().softmax(0) / (count / 2)
        assert torch.allclose(found, want, rtol=1e-9, atol=1e-11)


def test_adam_alone_would_hide_the_strength():
    """Item 6: without another gradient the first step of Adam is -lr for any strength."""
    moves = []
    for strength in (1.0, 50.0):
        state = state_with(CARD)
        state.outer_regularisers = parts(strength=strength, span=1)["outer_regularisers"]
        state.clock.fill_(1)
        before = torch.cat(list(state.outer_parameters)).detach().clone()
        recipe = build_recipe("beta-darts")
        optimizer = torch.optim.Adam(state.outer_parameters, lr=recipe.outer_optimiser.lr)
        for alpha, gradient in zip(state.outer_parameters, first_order(state), strict=True):
            alpha.grad = gradient
        optimizer.step()
        moves.append(torch.cat(list(state.outer_parameters)).detach() - before)
    assert torch.allclose(moves[0], torch.full((6,), -3e-4).double(), atol=1e-9)
    assert torch.allclose(moves[0], moves[1], rtol=0, atol=1e-9)


def test_its_weight_decay_stays():
    assert build_recipe("beta-darts").outer_optimiser == build_recipe("darts").outer_optimiser
    assert build_recipe("beta-darts").outer_optimiser.weight_decay == 1e-3


def test_a_recording_sees_the_strength_grow():
    options = {"capture": "on", "supernet": "generic", "recipe_parts": parts(span=2)}
    tape = Tape()
    taped = outcome(search(tape, **options))
    assert [recording.replays for recording in tape.tapes] == [6, 6]  # none again for another epoch
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options))) == 0


def test_a_strength_below_zero_is_refused():
    with pytest.raises(ConfigError, match="method.strength: got -1"):
        build_recipe("beta-darts", strength=-1)
