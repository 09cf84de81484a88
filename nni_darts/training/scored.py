"""What the modules for images and for texts have in common: an epoch's scores, and losses without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from nni.nas.evaluator.pytorch import LightningModule

from nni_darts.errors import RunError


class ScoredModule(LightningModule):
    """A Lightning module that sums up the scores of its epochs itself.

    Attributes
    ----------
    train_scores, valid_scores
        Sums in buffers, that of the loss first; ``compute()`` gives name -> number.
    remedy
        What helps beside a lower learning rate where the loss is no number.
    """

    train_scores: Any
    valid_scores: Any
    lr: float
    remedy: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._is_muted = False

    @contextmanager
    def muted(self) -> Iterator[None]:
        """``training_step`` computes the plain loss and counts nothing: for the architect's evaluations."""
        before, self._is_muted = self._is_muted, True
        try:
            yield
        finally:
            self._is_muted = before

    def on_train_epoch_start(self) -> None:
        self.train_scores.reset()
        self.valid_scores.reset()

    def on_validation_start(self) -> None:
        self.valid_scores.reset()

    def epoch_metrics(self) -> dict[str, float]:
        """``train_*`` and, where there was validation, ``valid_*`` of this epoch.

        Raises
        ------
        RunError
            The training loss is not a number.
        """
        self._check_finite()
        return {
            f"{part}_{name}": value
            for part, scores in (("train", self.train_scores), ("valid", self.valid_scores))
            for name, value in scores.compute().items()
        }

    def _check_finite(self) -> None:
        if not torch.isfinite(self.train_scores.sums[0]):
            raise RunError(
                f"the training loss became NaN or infinite in epoch {self.current_epoch}; lower lr "
                f"(now {self.lr:g}){self.remedy}."
            )
