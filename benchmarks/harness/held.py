"""A Lightning training whose steps are run one by one, by whoever holds it.

``Trainer.fit`` prepares everything as for any search: it connects the strategy, configures the optimisers,
calls the hooks up to ``on_train_epoch_start``. Only the loop over the batches of an epoch is replaced: in
its place a function gets ``step(batch)``, which does what that loop does with a batch where a module
optimises by itself. Several trainings can be held at once, one inside the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count, cycle
from typing import Any

import nni.nas.strategy  # noqa: F401  # first: see nni_darts.supernet
from nni.nas.evaluator.pytorch import DataLoader, Lightning, Trainer
from nni.nas.oneshot.pytorch.strategy import OneShotStrategy
from torch import nn

from benchmarks.harness import shapes
from benchmarks.harness.case import DTYPES, Batch, Case
from nni_darts.training.classifier import Classifier

Step = Callable[[], None]


def held(evaluator: Lightning, model: nn.Module, then: Callable[[Callable[[Any], None]], None]) -> None:
    """Run ``then(step)`` in place of the one epoch that ``evaluator`` would train ``model`` for."""
    epoch = evaluator.trainer.fit_loop.epoch_loop
    numbers = count()

    def step(batch: Any) -> None:
        epoch.manual_optimization.run({"batch": batch, "batch_idx": next(numbers)})

    epoch.run = lambda data_fetcher: then(step)
    evaluator.evaluate(model)


def searched(
    strategy: OneShotStrategy, space: nn.Module, case: Case, batches: Iterable[Any] | None = None
) -> tuple[Lightning, nn.Module]:
    """What a one-shot strategy trains: its evaluator and the supernet it made of ``space``, in that order.

    The evaluator is the one of the search stage: cross entropy, SGD 0.025 / 0.9 / 3e-4.
    """
    batches = case.batches() if batches is None else list(batches)
    trainer = Trainer(
        max_epochs=1,
        **_place(case),
        precision=DTYPES[case.dtype],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
    )
    loaders = [DataLoader([batch[part] for batch in batches], batch_size=None) for part in ("train", "val")]
    evaluator = Lightning(Classifier(epochs=50, lr_min=0.001), trainer, *loaders)
    model = strategy.mutate_model(space)
    return strategy.mutate_evaluator(evaluator), model


def _place(case: Case) -> dict[str, Any]:
    """The trainer's arguments for the case's device."""
    if case.kind == "cuda":
        return {"accelerator": "gpu", "devices": [int(case.device.partition(":")[2] or 0)]}
    if case.kind == shapes.DEVICE:
        return {"strategy": shapes.Shapes()}
    return {"accelerator": "cpu", "devices": 1}


def hold_strategy(
    strategy: OneShotStrategy, space: nn.Module, case: Case, then: Callable[[Step], None]
) -> None:
    """``then(step)`` with a step that takes the case's batches in turns."""
    batches: Sequence[dict[str, Batch]] = case.batches()
    turns = cycle(batches)
    evaluator, model = searched(strategy, space, case, batches)
    held(evaluator, model, lambda step: then(lambda: step(next(turns))))
