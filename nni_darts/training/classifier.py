"""The Lightning module that trains a classifier: a supernet in search, a discrete network afterwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.training.schedule import drop_path_prob, learning_rate_schedule
from nni_darts.training.scored import ScoredModule
from nni_darts.training.scores import Scores

CHECK_EVERY = 20
"""Steps between looks at the loss on a GPU, where each look waits for the device; elsewhere every step."""


class Classifier(ScoredModule):
    """Cross-entropy, SGD and a schedule per epoch, as cnn/train.py and cnn/train_search.py of quark0/darts.

    The network comes by ``set_model``. One that returns (logits, auxiliary logits) in training gets the
    auxiliary loss, and with a weight of 0 and an attribute ``auxiliary_wanted`` is told to leave the head
    out; one with an attribute ``drop_path_prob`` has it set at the start of every epoch, in
    place where it is a tensor. Its steps can be captured: they keep their sums on the device and look at
    none of them.

    Parameters
    ----------
    epochs
        Length of the training, which the schedules refer to.
    lr, lr_min, momentum, weight_decay, nesterov
        Of SGD; the cosine schedule ends at ``lr_min`` after the last epoch.
    label_smoothing
        Share of the target spread over all classes, in training only.
    auxiliary_weight
        Weight of the auxiliary head's loss.
    drop_path_prob
        What the drop path probability grows to: p * epoch / epochs.
    schedule, gamma
        ``cosine``, or ``exponential``: lr * gamma ** epoch.
    """

    capturable = True
    remedy = ", or set grad_clip, or use precision 32"

    def __init__(
        self,
        epochs: int,
        lr: float = 0.025,
        lr_min: float = 0.0,
        momentum: float = 0.9,
        weight_decay: float = 3e-4,
        label_smoothing: float = 0.0,
        auxiliary_weight: float = 0.4,
        drop_path_prob: float = 0.0,
        schedule: str = "cosine",
        gamma: float = 0.97,
        nesterov: bool = False,
    ) -> None:
        super().__init__()
        self.epochs = epochs
        self.lr, self.lr_min, self.momentum, self.weight_decay = lr, lr_min, momentum, weight_decay
        self.nesterov = nesterov
        self.label_smoothing = label_smoothing
        self.auxiliary_weight = auxiliary_weight
        self.drop_path_prob = drop_path_prob
        self.schedule, self.gamma = schedule, gamma
        self.train_scores = Scores()
        self.valid_scores = Scores()

    @classmethod
    def from_settings(cls, settings: Any) -> Classifier:
        """From a search, select or retrain section; what a section does not have keeps its default."""
        names = (
            *("epochs", "lr", "lr_min", "momentum", "nesterov", "weight_decay", "label_smoothing"),
            *("auxiliary_weight", "drop_path_prob", "schedule", "gamma"),
        )
        return cls(**{name: getattr(settings, name) for name in names if hasattr(settings, name)})

    def forward(self, x: Tensor) -> Any:
        return self.model(x)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        output = self.model(x)
        logits, auxiliary = output if isinstance(output, tuple) else (output, None)
        loss = functional.cross_entropy(logits, y, label_smoothing=self.label_smoothing)
        if auxiliary is not None:
            auxiliary_loss = functional.cross_entropy(auxiliary, y, label_smoothing=self.label_smoothing)
            loss = loss + self.auxiliary_weight * auxiliary_loss
        if not self._is_muted:
            self.train_scores.update(logits, y, loss)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if not self.train_scores.sums.is_cuda or batch_idx % CHECK_EVERY == 0:
            self._check_finite()

    def capture_key(self) -> tuple[float, ...]:
        """What a step reads on the host that an epoch may change."""
        prob = getattr(self.model, "drop_path_prob", 0.0)
        return () if isinstance(prob, Tensor) else (prob,)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        logits = self.model(x)
        self.valid_scores.update(logits, y, functional.cross_entropy(logits, y))

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.validation_step(batch, batch_idx)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )
        return [optimizer], [
            learning_rate_schedule(optimizer, self.schedule, self.epochs, self.lr_min, self.gamma)
        ]

    def on_train_start(self) -> None:
        if hasattr(self.model, "auxiliary_wanted"):
            self.model.auxiliary_wanted = self.auxiliary_weight > 0
        # An epoch that is resumed in its middle does not start again.
        self._set_drop_path()

    def on_train_epoch_start(self) -> None:
        self._set_drop_path()
        super().on_train_epoch_start()

    def on_test_start(self) -> None:
        self.valid_scores.reset()

    def _set_drop_path(self) -> None:
        if not hasattr(self.model, "drop_path_prob"):
            return
        prob = drop_path_prob(self.drop_path_prob, self.current_epoch, self.epochs)
        if isinstance(self.model.drop_path_prob, Tensor):
            self.model.drop_path_prob.fill_(prob)
        else:
            self.model.drop_path_prob = prob
