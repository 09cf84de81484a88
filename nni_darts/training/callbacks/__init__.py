"""Lightning callbacks that search and retraining share; none assumes which module is the root."""

from __future__ import annotations

from nni_darts.training.callbacks.best_weights import BestWeights
from nni_darts.training.callbacks.epoch_checkpoint import EpochCheckpoint
from nni_darts.training.callbacks.epoch_length import EpochLength
from nni_darts.training.callbacks.epoch_report import EpochReport
from nni_darts.training.callbacks.stop_on_signal import StopOnSignal

__all__ = ["BestWeights", "EpochCheckpoint", "EpochLength", "EpochReport", "StopOnSignal"]
