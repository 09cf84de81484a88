"""A captured search is the search: same weights, statistics, alphas, optimiser states, metrics, counters."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback

from nni_darts import DARTS
from nni_darts.capture import capturable
from nni_darts.errors import ConfigError, RunError
from nni_darts.parts.neumann import ImplicitGradient
from nni_darts.training.classifier import Classifier
from tests.capture.fakes import Rerun, Tape
from tests.capture.searches import Drawing, largest_difference, outcome, search
from tests.evaluator import evaluator
from tests.supernet.spaces import Everything

both_orders = pytest.mark.parametrize("order", [1, 2])


@both_orders
def test_static_buffers_and_rates_in_tensors_change_no_bit(order: int) -> None:
    graphs = Rerun()
    captured = outcome(search(graphs, order))
    assert largest_difference(captured, outcome(search(None, order))) == 0
    # Full batches and the smaller last one: each once unrecorded, then recorded, then repeated.
    # So are the batches of validation.
    assert (graphs.runs, graphs.recordings, graphs.replays) == (2 * 2, 2 * 2, 2 * (3 * 3 - 1 + 2))


@pytest.mark.parametrize(
    "options",
    [
        {"order": 1, "supernet": "generic"},
        {"order": 2, "supernet": "fused"},
        {"order": 2, "hvp": "exact", "supernet": "generic"},
    ],
)
def test_a_recording_without_python_gives_the_same_search(options: dict[str, Any]) -> None:
    """Nothing of the host may matter: rates, counters, random numbers, metrics, the size of a batch."""
    tape = Tape()
    taped = outcome(search(tape, **options, classifier=Drawing))
    assert [recording.replays for recording in tape.tapes] == [8, 8, 2, 2]
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options, classifier=Drawing))) == 0
    assert taped["global step"] == 2 * 3 * 4


def test_the_fused_optimisers_are_the_ordinary_ones_up_to_rounding() -> None:
    ordinary, fused = (outcome(search(Rerun(fused=fused)))["state"] for fused in (False, True))
    assert largest_difference(ordinary, fused) < 1e-5


@both_orders
def test_nesterovs_momentum_is_recorded_too(order: int) -> None:
    """A recording begins with momentum of zeros, which has to give the first step what none gives."""
    ahead = {"nesterov": True}
    taped = outcome(search(Tape(), order, settings=ahead))
    assert largest_difference(taped, outcome(search(Rerun(fused=True), order, settings=ahead))) == 0
    usual = outcome(search(None, order, settings=ahead))["state"]
    assert largest_difference(taped["state"], usual) < 1e-5
    assert largest_difference(usual, outcome(search(None, order))["state"]) > 1e-2


def test_the_schedule_moves_a_recorded_rate() -> None:
    """A rate that stayed in the recording would train with the first one for ever."""
    constant, falling = (
        outcome(search(Tape(), settings={"lr_min": lr_min}))["state"] for lr_min in (0.2, 0.001)
    )
    assert largest_difference(constant, falling) > 1e-3


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_the_architectures_schedule_moves_a_recorded_rate_too(kind: str) -> None:
    options = {"rest": 0, "arch_optimizer": kind, "arch_schedule": "cosine", "arch_lr_min": 0.001}
    taped = outcome(search(Tape(), **options))
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options))) == 0
    assert largest_difference(taped["state"], outcome(search(None, **options))["state"]) < 1e-5
    assert [group["lr"] for (group,) in taped["groups"]] == pytest.approx([0.001, 0.001])
    constant = outcome(search(Tape(), rest=0, arch_optimizer=kind))["state"]
    assert largest_difference(taped["state"], constant) > 1e-4


def test_checkpoints_and_schedules_see_plain_numbers() -> None:
    groups = outcome(search(Tape()))["groups"]
    assert groups == outcome(search(None))["groups"]
    assert [type(group["lr"]) for (group,) in groups] == [float, float]


def test_bfloat16_is_recorded_too() -> None:
    options = {"rest": 0, "order": 2, "supernet": "fused", "trainer": {"precision": "bf16-mixed"}}
    taped = outcome(search(Tape(), **options))
    # Nearly always to the bit; once, two searches of one process differed in the second digit.
    assert largest_difference(taped["state"], outcome(search(Rerun(fused=True), **options))["state"]) < 0.1
    assert largest_difference(taped["state"], outcome(search(Tape(), rest=0, order=2))["state"]) > 1e-4


def test_checkpointed_cells_are_computed_again_by_the_recording() -> None:
    options = {"rest": 0, "order": 2, "epochs": 2, "checkpoint_cells": True}
    tape = Tape()
    taped = outcome(search(tape, **options))
    assert len(tape.tapes) == 2
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options))) == 0


def test_warm_up_epochs_are_a_recording_of_their_own() -> None:
    tape = Tape()
    taped = outcome(search(tape, warmup_epochs=2, epochs=4))
    sizes = sorted(len(recording.operations) for recording in tape.tapes)
    # Validation, training without and with the architecture, each with full and smaller batches.
    assert len(sizes) == 8  # validation is a kind of its own while the architecture rests
    assert sizes[3] < sizes[4] and sizes[5] < 0.7 * sizes[6]
    untaped = outcome(search(Rerun(fused=True), warmup_epochs=2, epochs=4))
    assert largest_difference(taped, untaped) == 0


@both_orders
def test_steps_with_and_without_the_architecture_are_recorded_side_by_side(order: int) -> None:
    tape, options = Tape(), {"batches": 8, "rest": 0, "weight_steps": 2, "epochs": 2}
    taped = outcome(search(tape, order, **options))
    sizes = [len(recording.operations) for recording in tape.tapes]
    assert [recording.replays for recording in tape.tapes] == [7, 7, 15]  # the last: validation
    assert sizes[1] < 0.7 * sizes[0]
    assert largest_difference(taped, outcome(search(Rerun(fused=True), order, **options))) == 0
    assert taped["global step"] == 2 * (8 + 4)


@pytest.mark.parametrize("hvp", ["exact", "fd"])
def test_the_implicit_gradient_is_recorded(hvp: str) -> None:
    options = {"rest": 0, "weight_steps": 2, "recipe_parts": {"architect": ImplicitGradient(hvp=hvp)}}
    taped = outcome(search(Tape(), **options))
    assert largest_difference(taped, outcome(search(Rerun(fused=True), **options))) == 0
    assert largest_difference(taped["state"], outcome(search(Tape(), rest=0, weight_steps=2))["state"]) > 0


def test_no_clipping_is_recorded_too() -> None:
    tight, loose = (search(Tape(), gradient_clip_val=clip) for clip in (0.01, None))
    assert largest_difference(outcome(tight)["state"], outcome(loose)["state"]) > 1e-3
    expected = outcome(search(Rerun(fused=True), gradient_clip_val=None))
    assert largest_difference(outcome(loose), expected) == 0


def test_after_an_epoch_of_repetitions_its_last_batches_are_at_hand() -> None:
    """Repetitions set nothing in Python: without a reset they would be those of epoch 1."""

    class Kinds(Classifier):
        def capture_key(self) -> tuple[bool, ...]:
            return (self.current_epoch == 1,)

    class Look(Callback):
        def __init__(self) -> None:
            self.last: Any = None
            self.equal: list[bool] = []

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
            self.last = batch

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            held = {"train": pl_module.state.train_batch, "val": pl_module.state.valid_batch}
            pairs = [(held[level][k], self.last[level][k]) for level in held for k in (0, 1)]
            self.equal.append(all(torch.equal(mine, given) for mine, given in pairs))

    look, tape = Look(), Tape()
    search(tape, batches=4, rest=0, classifier=Kinds, callbacks=[look])
    # Training and validation of both kinds: all of epoch 2 repeats recordings of epoch 0.
    assert [recording.replays for recording in tape.tapes] == [7, 7, 3, 3]
    assert look.equal == [True, True, True]


def test_gradients_do_not_outlive_the_step() -> None:
    seen = []

    class Look(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            seen.extend(parameter.grad for parameter in pl_module.parameters())

    search(Tape(), epochs=1, callbacks=[Look()])
    assert set(seen) == {None}


class Reload(Callback):
    """Loads what is there already, after every epoch."""

    def __init__(self, copied: bool) -> None:
        self.copied = copied

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        for optimizer in trainer.optimizers:
            state = optimizer.state_dict()
            optimizer.load_state_dict(copy.deepcopy(state) if self.copied else state)


@pytest.mark.parametrize(("copied", "replays"), [(True, [2] * 6), (False, [8, 8])])
def test_replaced_state_is_recorded_anew(copied: bool, replays: list[int]) -> None:
    """An old recording would go on with the old momentum buffers, or with the old group's rate."""
    tape = Tape()
    taped = outcome(search(tape, rest=0, callbacks=[Reload(copied)]))
    assert [recording.replays for recording in tape.tapes] == replays
    assert largest_difference(taped, outcome(search(Rerun(fused=True), rest=0))) == 0


def test_the_drop_path_of_an_epoch_is_a_tensor_or_a_new_recording() -> None:
    class Dropping(Classifier):
        held: Any = 0.0

        def on_train_start(self) -> None:
            self.drop_path_prob = 0.3
            self.model.drop_path_prob = self.held if isinstance(self.held, float) else self.held.clone()
            super().on_train_start()

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * (1 - self.model.drop_path_prob)

    class InPlace(Dropping):
        held = torch.zeros(())

    outcomes = []
    for kind, recordings in ((Dropping, 3), (InPlace, 1)):
        tape = Tape()
        outcomes.append(outcome(search(tape, rest=0, classifier=kind)))
        assert len(tape.tapes) == 2 * recordings
        expected = outcome(search(Rerun(fused=True), rest=0, classifier=kind))
        assert largest_difference(outcomes[-1], expected) == 0
    assert largest_difference(*outcomes) < 1e-5
    assert largest_difference(outcomes[0], outcome(search(Tape(), rest=0))) > 1e-3


class ReadsBack(Classifier):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.last = loss.item()
        return loss


def test_a_step_that_reads_a_number_back_goes_on_uncaptured(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nni_darts.capture"):
        found = outcome(search(Tape(), classifier=ReadsBack))
    assert [record.getMessage() for record in caplog.records] == [
        "The training step cannot be captured: operation not permitted when stream is capturing. "
        "It goes on uncaptured."
    ]
    expected = outcome(search(Rerun(fused=True)))
    assert largest_difference(found["state"], expected["state"]) == 0


def test_required_capture_that_fails_ends_the_run() -> None:
    with pytest.raises(RunError, match="cannot be captured: operation not permitted.*trainer.capture"):
        search(Tape(), classifier=ReadsBack, capture="on")


def test_required_capture_without_a_gpu_is_refused_before_training() -> None:
    with pytest.raises(ConfigError, match='trainer.capture: "on" is not possible: CUDA graphs need a GPU'):
        search(None, capture="on")


def test_off_records_nothing() -> None:
    tape = Tape()
    search(tape, capture="off", epochs=1)
    assert (tape.runs, tape.tapes) == (0, [])


def test_nnis_own_evaluator_is_left_alone_with_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """It logs in its steps, which a repetition would not."""

    class Watched(DARTS):
        def configure_oneshot_module(self, training_module: Any) -> Any:
            module = super().configure_oneshot_module(training_module)
            module.graphs = Tape()
            return module

    other = evaluator(optimizer=torch.optim.RMSprop, max_epochs=1)
    strategy = Watched(order=1)
    strategy.recipe = strategy.recipe.but(inner_regularisers=(lambda state: 0.0,))
    with caplog.at_level(logging.WARNING, "nni_darts.capture"):
        strategy.search(Everything(), other)
    (record,) = caplog.records
    assert record.getMessage() == (
        "The search step is not captured: ClassificationModule.training_step may log or read numbers back "
        "(set capturable = True in the class if it does not); the method's regulariser <lambda> is not "
        "declared capturable (nni_darts.capture.capturable); the optimiser RMSprop is none of SGD, Adam, "
        "AdamW."
    )


def test_a_callback_inside_the_step_keeps_it_uncaptured(caplog: pytest.LogCaptureFixture) -> None:
    class Norms(Callback):
        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            pass

    with caplog.at_level(logging.WARNING, "nni_darts.capture"):
        search(Tape(), epochs=1, callbacks=[Norms()])
    assert "the callback Norms acts inside a step (on_after_backward)" in caplog.text


def test_a_part_may_name_the_numbers_it_reads() -> None:
    """A temperature that falls by epoch: recorded with one value, it would never change."""

    @capturable
    class Cooled:
        def __call__(self, state: Any) -> torch.Tensor:
            return sum((a**2).sum() for a in state.outer_parameters) * 10.0**state.epoch

        def capture_key(self, state: Any) -> int:
            return state.epoch

    def run(graphs: Any) -> dict[str, Any]:
        return outcome(search(graphs, rest=0, recipe_parts={"outer_regularisers": (Cooled(),)}))

    tape = Tape()
    assert largest_difference(run(tape), run(Rerun(fused=True))) == 0
    assert len(tape.tapes) == 2 * 3
