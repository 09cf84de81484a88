"""The estimate against the allocator's count during real training; and that it leaves no trace."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from nni.nas.evaluator.pytorch import DataLoader, Lightning, Trainer
from torch.utils.data import TensorDataset

from nni_darts.darts import DARTS
from nni_darts.memory import MemoryReport, high_water
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace
from tests.supernet.test_checkpoint import WithDropout

BATCH = 64


class Measure(pl.Callback):
    """The high water of two steps, the first of which leaves its gradients to the second."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            for optimizer in trainer.optimizers:
                optimizer.zero_grad()  # the profiler does not see what was there before it being freed
            gc.collect()  # what earlier tests left would be freed, or not, while it counts
            self._watch = high_water("cpu")
            self._found = self._watch.__enter__()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 2:
            self._watch.__exit__(None, None, None)
            self.bytes = self._found.bytes


def trained(
    callbacks: list[pl.Callback], steps: int = 3, space: Callable[[], Any] | None = None, **options: Any
) -> DARTS:
    pl.seed_everything(0, verbose=False)
    x, y = torch.randn(steps * BATCH, 3, 8, 8), torch.randint(0, 10, (steps * BATCH,))
    halves = [DataLoader(TensorDataset(x, y), batch_size=BATCH) for _ in range(2)]
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        callbacks=callbacks,
    )
    strategy = DARTS(**options)
    build = space or partial(DartsSpace, init_channels=4, layers=3, nodes=2)
    strategy.search(build(), Lightning(Classifier(1), trainer, *halves))
    return strategy


@pytest.mark.parametrize("checkpoint_cells", [False, True])
@pytest.mark.parametrize("supernet", ["generic", "fused"])
@pytest.mark.parametrize("order", [1, 2])
def test_the_estimate_is_within_15_percent_of_the_peak(order, supernet, checkpoint_cells):
    report, measure = MemoryReport(), Measure()
    trained([report, measure], order=order, supernet=supernet, checkpoint_cells=checkpoint_cells)
    assert report.estimate is not None
    assert abs(report.estimate.activations / measure.bytes - 1) < 0.15


def test_the_estimate_leaves_no_trace():
    """Steps after it, their random numbers included, are what they would have been."""
    reports: list[list[pl.Callback]] = [[], [MemoryReport()]]
    ends = []
    for callbacks in reports:
        strategy = trained(callbacks, steps=2, order=2, space=WithDropout)
        state = {**strategy.oneshot_module.state_dict(), "generator": torch.get_rng_state()}
        ends.append((state, random.random(), float(np.random.rand())))
    (plain, *drawn), (reported, *drawn_after_report) = ends
    assert [name for name in plain if not torch.equal(plain[name], reported[name])] == []
    assert drawn == drawn_after_report
    assert set(plain) == set(reported)


@pytest.mark.parametrize("supernet", ["generic", "fused"])
def test_second_order_needs_little_more_than_first(supernet):
    """At most 1.3 times first order's peak plus one copy of the weights."""
    reports = [MemoryReport(), MemoryReport()]
    for order, report in enumerate(reports, 1):
        strategy = trained([report], steps=1, order=order, supernet=supernet)
    copy = sum(weight.nbytes for weight in strategy.supernet.parameters())
    first, second = (report.estimate.activations for report in reports)
    assert second <= 1.3 * first + copy
