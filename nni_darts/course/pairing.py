"""Batches for both levels of the search, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import Any

from pytorch_lightning.utilities.combined_loader import CombinedLoader


class Endless:
    """A loader that begins again when it ends, within one epoch of another loader.

    The official code restarts its validation loader at every step to draw one batch; here validation
    batches advance, so that an epoch sees as many different ones as it has architecture steps.

    Parameters
    ----------
    loader
        What is drawn from.
    times
        How often a batch is handed out before the next one is made: steps without an architecture step
        need none of their own.
    """

    def __init__(self, loader: Iterable[Any], times: int = 1) -> None:
        self.loader = loader
        self.times = times
        self._epoch = 0
        self._drawn = 0
        self._resume_at = 0

    @property
    def sampler(self) -> Endless:
        """Lightning calls ``set_epoch`` on a loader's sampler; for this loader it is the loader."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Begin epoch ``epoch``: from its first batch, or where a checkpoint of the same epoch left off."""
        if epoch != self._epoch:
            self._resume_at = 0
        self._epoch = epoch
        batch_sampler = getattr(self.loader, "batch_sampler", None)
        for sampler in (getattr(self.loader, "sampler", None), getattr(batch_sampler, "sampler", None)):
            if callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(epoch)  # type: ignore[union-attr]

    def __iter__(self) -> Iterator[Any]:
        start, self._resume_at = self._resume_at, 0
        self._drawn = start
        for batch in islice(self._forever(), start, None):
            self._drawn += 1
            yield batch

    def _forever(self) -> Iterator[Any]:
        while True:
            empty = True
            for batch in self.loader:
                empty = False
                yield from repeat(batch, self.times)
            if empty:
                return

    def state_dict(self) -> dict[str, int]:
        """How far this epoch has come."""
        return {"epoch": self._epoch, "drawn": self._drawn}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue the epoch of the checkpoint; a later epoch begins at its beginning."""
        self._epoch, self._resume_at = state["epoch"], state["drawn"]


def paired(train: Iterable[Any], valid: Iterable[Any], times: int = 1) -> CombinedLoader:
    """``{"train": ..., "val": ...}`` batches: one pass over ``train``, ``valid`` as often as that needs.

    Every batch of ``valid`` goes with ``times`` batches of ``train``.
    """
    return CombinedLoader({"train": train, "val": Endless(valid, times)}, mode="min_size")
