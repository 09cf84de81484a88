"""The images of the table: a stratified part of CIFAR-10's training images, made smaller."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from nni_darts.config.data import Data
from nni_darts.data import load, split

Pairs = list[tuple[Tensor, int]]


@dataclass(frozen=True)
class Part:
    """A data set of the user's own, as :func:`nni_darts.data.load` calls it: without arguments.

    Attributes
    ----------
    count, side, seed
        How many training images, their pixels, and which of all they are.
    """

    count: int
    side: int = 32
    seed: int = 0

    def __call__(self) -> tuple[Pairs, Pairs]:
        """The images twice: a search opens no test set, which has to be there."""
        return self.pairs, self.pairs

    @cached_property
    def pairs(self) -> Pairs:
        """Read once: the pages of the file of all images would count as memory of the search."""
        whole = load(Data(name="cifar10")).train
        kept, _ = split(whole.labels, self.count / len(whole), self.seed)
        part = whole.subset(kept).scaled(self.side)
        return list(zip(part.images, part.labels.tolist(), strict=True))


chosen = Part(0)
"""Set it before a search."""
NAME = f"{__name__}:chosen"
"""What settings call it."""
