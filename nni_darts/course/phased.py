"""The search in phases: one supernet after the other, trained by one trainer whose epochs count through."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pytorch_lightning.loops.loop import _Loop

from nni_darts.course.progress import KeepProgress, Progress, stored
from nni_darts.errors import ConfigError
from nni_darts.parts.phases import Phase, Phases

if TYPE_CHECKING:
    from nni_darts.strategy import DifferentiableStrategy

logger = logging.getLogger(__name__)


def run_phases(
    strategy: DifferentiableStrategy, evaluator: Any, fit: Callable[[Any], Any], model: Any
) -> None:
    """Train all phases, from the one that the evaluator's checkpoint is of, if it has one.

    Parameters
    ----------
    strategy
        Has made the first phase's supernet, ``model``.
    evaluator
        Of the supernet. Its trainer's ``max_epochs`` is the length of a phase; it gets one search module
        after the other.
    fit
        Its own way to train a supernet.
    """
    phases, origin, trainer = strategy.recipe.phases, strategy.origin, evaluator.trainer
    assert phases is not None and origin is not None and strategy.phase is not None
    objective = evaluator.module.training_module
    keep = KeepProgress()
    trainer.callbacks.insert(0, keep)

    def enter(phase: Phase) -> Any:
        supernet = strategy.mutate_model(origin.build(phase.space), phase)
        evaluator.module = strategy.configure_oneshot_module(objective)
        strategy.exchange(supernet, evaluator)
        return supernet

    length = _length(trainer)
    progress = stored(evaluator.fit_kwargs.get("ckpt_path"), length)
    if progress is None:
        progress = Progress(strategy.phase, 0, strategy.phase.epochs or length, torch.initial_seed())
    elif progress.phase.to_dict() != strategy.phase.to_dict():
        model = enter(progress.phase)
    while True:
        phase = progress.phase
        keep.progress = progress
        evaluator.module.epochs.first = progress.first_epoch
        evaluator.module.state.report["phase"] = float(phase.index + 1)
        if hasattr(objective, "epochs"):
            objective.epochs = progress.epochs
        all_epochs = progress.epochs + evaluator.module.epochs.added
        trainer.fit_loop.max_epochs = progress.first_epoch + all_epochs
        logger.info("phase %d: %s", phase.index + 1, described(phase, evaluator.module.state.structure.sizes))
        fit(model)
        _settle(trainer)
        following = phases.after(phase, evaluator.module.state, origin.arguments)
        if following is None:
            trainer.callbacks.remove(keep)
            return
        epochs = following.epochs or length
        progress = Progress(following, trainer.current_epoch, epochs, progress.seed)
        _seed(progress)
        model = enter(following)
        evaluator.fit_kwargs = {**evaluator.fit_kwargs, "ckpt_path": None}


def recipe_in(phases: Phases, phase: Phase, recipe: Any) -> Any:
    """The recipe of one phase, which has no phases itself."""
    return phases.recipe(phase, recipe).but(phases=None)


def described(phase: Phase, sizes: dict[str, int]) -> str:
    """``layers 11, 5 candidates a choice``."""
    counts = sorted(set(sizes.values()))
    words = [f"{name} {value}" for name, value in phase.space.items()]
    return ", ".join([*words, f"{' or '.join(map(str, counts))} candidates in {len(sizes)} choices"])


def _length(trainer: Any) -> int:
    epochs = trainer.max_epochs
    if epochs is None or epochs < 1:
        raise ConfigError(
            f"the trainer has max_epochs={epochs}; a search in phases needs their length: "
            "write Trainer(max_epochs=...), the epochs of one phase."
        )
    return int(epochs)


def _seed(progress: Progress) -> None:
    """A phase's weights follow from the search's seed alone, whatever was drawn before."""
    sequence = np.random.SeedSequence(progress.seed, spawn_key=(progress.phase.index,))
    seed = int(sequence.generate_state(1)[0])
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _settle(trainer: Any) -> None:
    """Let the trainer's next fit begin where this one ended, though this one only loaded a finished phase."""
    for loop in _loops(trainer.fit_loop):
        loop.on_iteration_done()
    total = trainer.fit_loop.epoch_progress.total
    total.completed = total.processed


def _loops(loop: _Loop) -> Iterator[_Loop]:
    yield loop
    for child in vars(loop).values():
        if isinstance(child, _Loop):
            yield from _loops(child)
