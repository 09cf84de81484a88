"""Batches in an order that depends on the seed, the epoch and the batch number only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nni_darts.data.augment import Transform
from nni_darts.data.images import Images
from nni_darts.errors import ConfigError


class BatchLoader:
    """Serves (x float [B, C, H, W], y int64 [B]) to Lightning, without workers.

    Order and augmentation of batch ``b`` of pass ``p`` through the images in epoch ``e`` depend on
    ``(seed, e, p, b)`` alone. So a run that was interrupted continues with the very batches it would have
    seen, two loaders never shift each other, and no random state needs saving beyond the position.

    Parameters
    ----------
    images
        For any device; augmented there.
    batch_size
        Images a batch; the last batch of a pass may be smaller.
    transform
        One of :func:`nni_darts.data.transforms`.
    shuffle
        A new order every pass; else the stored order.
    seed
        Of the order and of the augmentation.
    drop_last
        Leave out the smaller last batch.
    mixed
        Without ``shuffle``: not the stored order but one that is drawn once. Images are often stored class
        by class, and the statistics of a batch would then be those of one class.
    """

    batch_sampler = None
    """Lightning looks for it wherever there is a ``sampler``."""

    def __init__(
        self,
        images: Images,
        batch_size: int,
        transform: Transform,
        *,
        shuffle: bool,
        seed: int = 0,
        drop_last: bool = False,
        mixed: bool = False,
    ) -> None:
        if len(images) < (batch_size if drop_last else 1):
            raise ConfigError(
                f"batch_size: {batch_size} is more than the {len(images)} images of this part of the data; "
                "give a smaller batch_size or more images."
            )
        self.images = images
        self.batch_size = batch_size
        self.transform = transform
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.mixed = mixed
        self.epoch = 0
        self._pass = 0
        self._batch = 0  # the next batch of this pass
        self._resume = False

    @property
    def sampler(self) -> BatchLoader:
        """Lightning calls ``set_epoch`` on a loader's sampler."""
        return self

    def __len__(self) -> int:
        whole, rest = divmod(len(self.images), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch's first pass; a position loaded for this very epoch stays."""
        if epoch != self.epoch:
            self.epoch, self._pass, self._batch, self._resume = epoch, 0, 0, False

    def state_dict(self) -> dict[str, Any]:
        """The position: which batch comes next."""
        return {"epoch": self.epoch, "pass": self._pass, "batch": self._batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next iterator begins at this position."""
        self.epoch, self._pass, self._batch = state["epoch"], state["pass"], state["batch"]
        self._resume = True

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # A generator: its body runs at the first batch, when Lightning has set the epoch.
        if not self._resume:
            self._batch = 0
        self._resume = False
        order = self._order()
        while self._batch < len(self):
            batch = self._batch
            self._batch += 1  # before the yield: a checkpoint written meanwhile names the next batch
            yield self._serve(order, batch)
        self._pass, self._batch = self._pass + 1, 0

    def _entropy(self, purpose: int, *position: int) -> np.random.SeedSequence:
        """Independent streams for the order (0) and for each batch's augmentation (1)."""
        return np.random.SeedSequence(self.seed, spawn_key=(purpose, self.epoch, self._pass, *position))

    def _order(self) -> np.ndarray | None:
        if not self.shuffle and not self.mixed:
            return None
        once = np.random.SeedSequence(self.seed, spawn_key=(2,))
        entropy = self._entropy(0) if self.shuffle else once
        return np.random.Generator(np.random.PCG64(entropy)).permutation(len(self.images))

    def _serve(self, order: np.ndarray | None, batch: int) -> tuple[Tensor, Tensor]:
        start = batch * self.batch_size
        stop = min(start + self.batch_size, len(self.images))
        part = slice(start, stop)
        where = part if order is None else torch.from_numpy(order[part])
        images, labels = self.images.batch(where)
        seed = self._entropy(1, batch).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(seed))
        set_epoch = getattr(self.transform, "set_epoch", None)
        if set_epoch is not None:  # loaders in different epochs may share it
            set_epoch(self.epoch)
        return self.transform(images, generator), labels
