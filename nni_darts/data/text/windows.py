"""A text cut into parallel columns, and windows that walk down all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from nni_darts.errors import ConfigError

STREAMS = ("weights", "architecture")
"""Texts that a search reads side by side."""


def columns(tokens: Tensor, batch_size: int) -> Tensor:
    """``tokens`` as columns that continue downwards, int64 [rows, batch_size]; a rest is left out.

    Raises
    ------
    ConfigError
        The text is too short to give every column a token and its successor.
    """
    rows = len(tokens) // batch_size
    if rows < 2:
        raise ConfigError(
            f"batch_size: {batch_size} columns of a text of {len(tokens)} tokens have fewer than two rows; "
            "give a smaller batch_size or more text."
        )
    return tokens[: rows * batch_size].reshape(batch_size, rows).t().contiguous()


@dataclass(frozen=True)
class Lengths:
    """How long the windows of an epoch are (``rnn/train_search.py`` and ``rnn/train.py`` of quark0/darts).

    ``whole`` rows with probability ``share``, else half of that; then, with a ``spread``, a normal draw
    around it with this deviation, at least ``least`` and at most ``whole + beyond``.
    """

    whole: int = 35
    share: float = 0.95
    spread: float = 0.0
    least: int = 5
    beyond: int = 20

    def draw(self, generator: np.random.Generator) -> int:
        """One length; the numbers drawn do not depend on what they decide."""
        uniform, normal = generator.random(), generator.standard_normal()
        middle = self.whole if uniform < self.share else self.whole / 2
        if not self.spread:
            return max(int(middle), 1)
        return min(max(self.least, int(middle + self.spread * normal)), self.whole + self.beyond)


class Window(NamedTuple):
    """A step of truncated back-propagation.

    Attributes
    ----------
    x, y
        Tokens and their successors, int64 [T, B].
    number
        Of the window in its epoch: 0 begins with an empty hidden state.
    scale
        The drawn length over the usual one: learning rates are multiplied by it.
    stream
        ``weights`` or ``architecture``: whose text it is, and so whose hidden state goes on.
    """

    x: Tensor
    y: Tensor
    number: int
    scale: float
    stream: str

    def narrowed(self, columns: int) -> Window:
        """The first columns alone."""
        return self._replace(x=self.x[:, :columns], y=self.y[:, :columns])


class Windows:
    """Serves windows to Lightning; their lengths depend on the seed, the epoch and their number alone.

    Two texts with one seed have windows of one length, which is how the architecture's text follows that of
    the weights. A position is resumed exactly; the hidden state that belongs to it is the model's.

    Parameters
    ----------
    rows
        Columns of a text, int64 [rows, B], on the device of the search.
    lengths
        Of windows; None for windows of ``bptt`` rows, one after the other, as for an evaluation.
    bptt
        The usual length.
    seed
        Of the lengths.
    follow
        For the architecture's text: how many rows the text of the weights has. Windows then go on as long
        as that text does, and walk through this one in a circle (row i modulo the last row).
    """

    batch_sampler = None
    """Lightning looks for it wherever there is a ``sampler``."""

    varies = True
    """Every epoch has its own number of windows."""

    def __init__(
        self,
        rows: Tensor,
        bptt: int = 35,
        lengths: Lengths | None = None,
        seed: int = 0,
        follow: int | None = None,
    ) -> None:
        self.rows, self.bptt, self.lengths, self.seed, self.follow = rows, bptt, lengths, seed, follow
        self.epoch = 0
        self._next = 0  # the number of the next window
        self._resume = False

    @property
    def sampler(self) -> Windows:
        """Lightning calls ``set_epoch`` on a loader's sampler."""
        return self

    def __len__(self) -> int:
        """Windows of this epoch."""
        return sum(1 for _ in self._plan())

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch; a position loaded for this very epoch stays."""
        if epoch != self.epoch:
            self.epoch, self._next, self._resume = epoch, 0, False

    def state_dict(self) -> dict[str, int]:
        """Which window comes next."""
        return {"epoch": self.epoch, "next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next iterator begins at this window."""
        self.epoch, self._next, self._resume = state["epoch"], state["next"], True

    def __iter__(self) -> Iterator[Window]:
        first = self._next if self._resume else 0
        self._resume = False
        for number, (start, length) in enumerate(self._plan()):
            if number >= first:
                self._next = number + 1  # before the yield: a checkpoint meanwhile names the next window
                yield self._cut(number, start, length)
        self._next = 0

    def _plan(self) -> Iterator[tuple[int, int]]:
        """(row, length) of every window of this epoch."""
        # The last row is a target only; the official loop ends one row earlier still.
        last = (len(self.rows) if self.follow is None else self.follow) - 1
        entropy = np.random.SeedSequence(self.seed, spawn_key=(self.epoch,))
        generator = np.random.Generator(np.random.PCG64(entropy))
        start = 0
        while start < last - (self.lengths is not None):
            length = self.bptt if self.lengths is None else self.lengths.draw(generator)
            yield start, length
            start += length

    def _cut(self, number: int, row: int, length: int) -> Window:
        last = len(self.rows) - 1
        start = row if self.follow is None else row % last
        stop = min(start + length, last)
        x, y = self.rows[start:stop], self.rows[start + 1 : stop + 1]
        return Window(x, y, number, length / self.bptt, STREAMS[self.follow is not None])
