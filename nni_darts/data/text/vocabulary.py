"""The words that a language model knows, and their numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

END = "<eos>"
"""Stands at the end of every line."""

UNKNOWN = "<unk>"
"""Stands for every word that the training text does not have."""


@dataclass(frozen=True)
class Vocabulary:
    """Words in the order of their numbers."""

    words: tuple[str, ...]
    numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {word: number for number, word in enumerate(self.words)})

    @classmethod
    def of(cls, lines: Iterable[str]) -> Vocabulary:
        """The words of a training text in the order in which they appear, with ``<eos>`` and ``<unk>``.

        The order is that of quark0/darts ``rnn/data.py``, which also looks at the other two texts.
        """
        found: dict[str, None] = {}
        for line in lines:
            found.update(dict.fromkeys(line.split()))
            found[END] = None
        found[UNKNOWN] = None
        return cls(tuple(found))

    def encode(self, lines: Iterable[str]) -> Tensor:
        """Numbers of all words, ``<eos>`` after every line, int64 [tokens]; unknown words as ``<unk>``."""
        numbers = self.numbers
        unknown, end = numbers[UNKNOWN], numbers[END]
        tokens: list[int] = []
        for line in lines:
            tokens += [numbers.get(word, unknown) for word in line.split()]
            tokens.append(end)
        return torch.tensor(tokens, dtype=torch.int64)

    @property
    def fingerprint(self) -> str:
        """Equal for equal words in equal order; what a checkpoint remembers of its vocabulary."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.words)
