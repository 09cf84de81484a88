"""The data of a dry run: what is known of them, and inputs of their shape."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

from nni_darts.config.settings import Settings
from nni_darts.config.text import SearchText
from nni_darts.config.training import Training
from nni_darts.data.load import Info, load_corpus
from nni_darts.data.outline import outline
from nni_darts.data.split import split
from nni_darts.data.text import STREAMS, Window
from nni_darts.explain.explanation import Explanation
from nni_darts.explain.surroundings import add_data, add_length


class Subject(Protocol):
    """Images or texts, known before they are needed.

    Attributes
    ----------
    info
        What a network needs to know of them.
    shape
        Of one input, in words.
    """

    shape: str

    @property
    def info(self) -> Info: ...

    def describe(self, explanation: Explanation) -> None:
        """What they are."""

    def inputs(self, network: nn.Module, count: int, device: str) -> tuple[Any, ...]:
        """What a network takes for ``count`` of them."""

    def batches(self, count: int, device: str) -> tuple[Any, Any]:
        """A batch of the weights and one of the architecture."""

    def length_of_search(self, explanation: Explanation, epochs: int) -> None:
        """Steps of the search."""

    def length_of_training(self, explanation: Explanation, stage: Training) -> None:
        """Steps of training a discrete network."""


class Pictures:
    """Images; where possible, none is read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.found = outline(settings.data)
        self.info = self.found.info
        self._size = (self.info.channels, *self.info.size)
        self.shape = f"images of {'x'.join(map(str, self._size))}"

    def describe(self, explanation: Explanation) -> None:
        """Classes, sizes and number."""
        add_data(explanation, self.found)

    def inputs(self, network: nn.Module, count: int, device: str) -> tuple[Any, ...]:
        """Black images."""
        return (torch.zeros(count, *self._size, device=device),)

    def batches(self, count: int, device: str) -> tuple[Any, Any]:
        """Black images of the first class."""
        batch = (
            torch.zeros(count, *self._size, device=device),
            torch.zeros(count, dtype=torch.long).to(device),
        )
        return batch, batch

    def length_of_search(self, explanation: Explanation, epochs: int) -> None:
        """From the halves."""
        data, search = self.settings.data, self.settings.search
        train, valid = split(self.found.labels, data.train_portion, data.split_seed)
        add_length(explanation, self.settings, epochs, search.batch_size, len(train), len(valid))

    def length_of_training(self, explanation: Explanation, stage: Training) -> None:
        """All images."""
        count = len(self.found.labels)
        add_length(explanation, self.settings, stage.epochs, stage.batch_size, count, None)


class Texts:
    """A corpus; its training and validation texts are read."""

    shape = "tokens and a hidden state"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.corpus = load_corpus(settings.data)
        self.info = self.corpus.info

    def describe(self, explanation: Explanation) -> None:
        """Words and tokens."""
        train, valid = len(self.corpus.train), len(self.corpus.valid)
        fact = {
            "name": self.info.name,
            "words": self.info.words,
            "train_tokens": train,
            "valid_tokens": valid,
        }
        line = f"{self.info.name}, {self.info.words:,} words, {train:,} tokens, {valid:,} of validation"
        explanation.add("data", fact, line)

    def inputs(self, network: nn.Module, count: int, device: str) -> tuple[Any, ...]:
        """Two rows of the first word."""
        hidden = network.initial_hidden(count)  # type: ignore[operator]
        return torch.zeros(2, count, dtype=torch.long, device=device), hidden.to(device)

    def batches(self, count: int, device: str) -> tuple[Any, Any]:
        """Windows of the usual length."""
        text = self.settings.search.text or SearchText()
        rows = torch.zeros(text.bptt, count, dtype=torch.long, device=device)
        weights, alphas = (Window(rows, rows, 0, 1.0, stream) for stream in STREAMS)
        return weights, alphas

    def length_of_search(self, explanation: Explanation, epochs: int) -> None:
        """From the rows of the training text."""
        self._length(explanation, epochs, self.settings.search)

    def length_of_training(self, explanation: Explanation, stage: Training) -> None:
        """The same."""
        self._length(explanation, stage.epochs, stage)

    def _length(self, explanation: Explanation, epochs: int, stage: Any) -> None:
        text, tokens = stage.text, len(self.corpus.train)
        usual = text.bptt * (1 - text.half_share / 2)
        steps = max(1, round(tokens / stage.batch_size / usual))
        steps = min(steps, self.settings.trainer.limit_batches or steps)
        fact = {"an_epoch": steps, "epochs": epochs, "all": steps * epochs, "batch_size": stage.batch_size}
        line = f"about {steps:,} windows an epoch of {tokens:,} tokens, {epochs} epochs"
        explanation.add("steps", fact, f"{line}, {steps * epochs:,} in all")


def subject_of(settings: Settings) -> Subject:
    """Of the settings' data.

    Raises
    ------
    ConfigError
        Data that are missing or of another kind.
    """
    return Texts(settings) if settings.data.is_text else Pictures(settings)
