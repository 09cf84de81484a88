"""Searches in parts: stopped after some batches, and continued from their checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nni_darts.capture import Graphs
from nni_darts.errors import Interrupted
from nni_darts.run.directory import Run
from nni_darts.training.callbacks import EpochCheckpoint, StopOnSignal
from nni_darts.training.checkpoint import PlainCheckpointIO
from tests.capture.searches import outcome, search


class StopAfter(StopOnSignal):
    """Asks for a stop after so many batches."""

    def __init__(self, checkpoint: EpochCheckpoint, batches: int) -> None:
        super().__init__(checkpoint)
        self.left = batches

    def on_train_batch_start(self, *_: Any) -> None:
        self.left -= 1
        if not self.left:
            self.request("test")


def part(
    path: Path, graphs: Graphs | None, stop: int = 0, resume: bool = False, **options: Any
) -> dict[str, Any]:
    """What a search in the folder ``path`` leaves; it is stopped after ``stop`` batches, if that is not 0."""
    checkpoint = EpochCheckpoint(Run.create(path, "search/0", resume=resume))
    found = search(
        graphs,
        callbacks=[checkpoint, StopAfter(checkpoint, stop)],
        trainer={"plugins": [PlainCheckpointIO()]},
        fit={"ckpt_path": checkpoint.resume_path()},
        **options,
    )
    return outcome(found)


def interrupted(path: Path, stop: int, **options: Any) -> dict[str, Any]:
    """What a search leaves that was stopped after ``stop`` batches and continued."""
    with pytest.raises(Interrupted):
        part(path, None, stop, **options)
    return part(path, None, resume=True, **options)
