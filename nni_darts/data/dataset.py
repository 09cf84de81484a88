"""A data set: its description, the training images, and the test images once somebody asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from nni_darts.data.images import Images
from nni_darts.data.info import DataInfo

logger = logging.getLogger(__name__)


class Dataset:
    """What :func:`nni_darts.data.load` returns.

    Attributes
    ----------
    info
        Classes, channels, size, normalisation; inferred from the training images where not known.
    train
        All training images; search and selection split them.
    record
        JSON values that tell how the set was made (description, stored split), for a run's directory.
    """

    def __init__(
        self,
        info: DataInfo,
        train: Images,
        open_test: Callable[[], Images],
        record: dict[str, Any] | None = None,
    ) -> None:
        self.info = info
        self.train = train
        self._open_test = open_test
        self.record = {"info": info.to_dict(), "train_images": len(train), **(record or {})}

    @cached_property
    def test(self) -> Images:
        """The test images, opened on first access: by retraining's final evaluation and nothing else."""
        logger.info("opening the test set of %s", self.info.name)
        return self._open_test()
