"""The weights of the best evaluation so far."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from nni_darts.run.directory import Run
from nni_darts.training.weights import write_weights


class BestWeights(pl.Callback):
    """Writes the run's weights after every evaluation that is better than all before it.

    Parameters
    ----------
    module
        Knows whether the evaluation that just ended ``is_best``; its ``model`` holds the weights that were
        evaluated, averaged ones where it averages.
    """

    def __init__(self, run: Run, module: Any) -> None:
        self.run, self.module = run, module

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.module.is_best and not trainer.sanity_checking:
            write_weights(self.module.model, self.run)
