"""The numbers of an epoch: a row in the run's table, a report, TensorBoard, and one line in the log."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from nni_darts.run.directory import Run
from nni_darts.run.reporter import Reporter
from nni_darts.run.score import score_of

logger = logging.getLogger(__name__)


class EpochReport(Callback):
    """Asks the root module, or the ``training_module`` inside it, for ``epoch_metrics()``.

    The row adds ``epoch`` (from 0), ``lr`` (of the epoch, not the next one's) and ``seconds`` on the clock,
    which is the one number that differs between two runs of the same seed. Those of an epoch that was
    interrupted count in all its parts, without the time between them.
    """

    def __init__(self, run: Run, reporter: Reporter) -> None:
        self.run = run
        self.reporter = reporter
        self._lr = 0.0
        self._since = 0.0
        self._before = 0.0  # seconds of this epoch in processes before this one

    def state_dict(self) -> dict[str, Any]:
        # After the last batch the optimiser has the next epoch's rate already.
        return {"lr": self._lr, "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._lr = state_dict["lr"]
        self._before = state_dict.get("seconds", 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._since = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._since = time.monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:  # not before: the module may set it at the start of an epoch
            self._lr = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch = trainer.current_epoch
        metrics = epoch_metrics(pl_module)
        row = {"epoch": epoch, **metrics, "lr": self._lr, "seconds": round(self._seconds(), 3)}
        self._since, self._before = time.monotonic(), 0.0  # the checkpoint that follows is of the next epoch
        self.run.log_epoch(row)
        for log in trainer.loggers:
            log.log_metrics({key: value for key, value in row.items() if key != "epoch"}, step=epoch)
        score = score_of(row, "valid", "train")
        self.reporter.epoch(row if score is None else {"default": score, **row})
        logger.info("%s", epoch_line(row, trainer.max_epochs or 0))

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._since


def epoch_metrics(module: Any) -> dict[str, float]:
    """``epoch_metrics()`` of the module or of the module it wraps; nothing where neither has it."""
    for candidate in (module, getattr(module, "training_module", None)):
        metrics = getattr(candidate, "epoch_metrics", None)
        if callable(metrics):
            return dict(metrics())
    return {}


def epoch_line(row: dict[str, float], epochs: int) -> str:
    """``epoch 12/50  loss 1.23/1.31  accuracy 62.1/58.4  lr 0.021  31.2 s  eta 0:19:46`` (train/valid)."""
    done = int(row["epoch"]) + 1
    parts = [f"epoch {done}/{epochs}"]
    for name in dict.fromkeys(key.split("_", 1)[1] for key in row if key.startswith(("train_", "valid_"))):
        values = [row[key] for part in ("train", "valid") if (key := f"{part}_{name}") in row]
        parts.append(f"{name} " + "/".join(f"{value:.4g}" for value in values))
    own = {"epoch", "seconds"}
    parts += [
        f"{key} {value:.4g}"
        for key, value in row.items()
        if key not in own and "/" not in key and not key.startswith(("train_", "valid_"))
    ]
    if torch.cuda.is_initialized():
        parts.append(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GB")
    left = timedelta(seconds=round(row["seconds"] * (epochs - done)))
    return "  ".join([*parts, f"{row['seconds']:.1f} s", f"eta {left}"])
