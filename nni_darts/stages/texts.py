"""Language modelling: the texts of a corpus in windows."""

from __future__ import annotations

from typing import Any

from nni.nas.evaluator.pytorch import LightningModule
from torch import Tensor, nn

from nni_darts.config.search import Search
from nni_darts.config.settings import Settings
from nni_darts.config.text import SearchText, TrainingText
from nni_darts.config.training import Training
from nni_darts.data.load import load_corpus
from nni_darts.data.text import Lengths, Windows, columns
from nni_darts.data.text.info import CorpusInfo
from nni_darts.training.language import LanguageModule, evaluate_text


class TextTask:
    """Weights learn from the training text, the architecture from the validation text (rnn/train_search.py).

    Raises
    ------
    ConfigError
        A text that is missing, empty or not UTF-8.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.corpus = load_corpus(settings.data)

    @property
    def info(self) -> CorpusInfo:
        """The vocabulary."""
        return self.corpus.info

    @property
    def record(self) -> dict[str, Any]:
        """The vocabulary and the lengths of the texts."""
        return self.corpus.record

    @staticmethod
    def search_module(search: Search) -> LanguageModule:
        """Both texts have as many columns."""
        text = search.text or SearchText()
        return LanguageModule(
            search.batch_size, search.lr, search.weight_decay, text.temporal, text.activation
        )

    def search_loaders(self, device: str, seed: int) -> tuple[Windows, Windows, Windows]:
        """The architecture's windows are as long as those of the weights."""
        search = self.settings.search
        text = search.text or SearchText()
        weights = self._rows(self.corpus.train, search.batch_size, device)
        alphas = self._rows(self.corpus.valid, search.batch_size, device)
        valid = self._rows(self.corpus.valid, text.valid_batch_size, device)
        lengths = _lengths(text)
        return (
            Windows(weights, text.bptt, lengths, seed),
            Windows(alphas, text.bptt, lengths, seed, follow=len(weights)),
            Windows(valid, text.bptt),
        )

    @staticmethod
    def training_module(stage: Training) -> LightningModule:
        """With averaged SGD, where the stage has it."""
        text = stage.text or TrainingText()
        return LanguageModule(
            stage.batch_size, stage.lr, stage.weight_decay, text.temporal, text.activation, text.nonmono
        )

    def training_loaders(
        self, stage: Training, device: str, seed: int, select: bool
    ) -> tuple[Windows, Windows]:
        """The validation text says when to average and which weights are kept, in every stage."""
        text = stage.text or TrainingText()
        train = self._rows(self.corpus.train, stage.batch_size, device)
        valid = self._rows(self.corpus.valid, text.valid_batch_size, device)
        return Windows(train, text.bptt, _lengths(text), seed), Windows(valid, text.bptt)

    def test(
        self, network: nn.Module, stage: Training, device: str, trained_on: CorpusInfo
    ) -> dict[str, float]:
        """Loss and perplexity on the test text."""
        text = stage.text or TrainingText()
        rows = self._rows(self.corpus.test, text.test_batch_size, device)
        scores = evaluate_text(network, Windows(rows, text.bptt), device)
        return {f"test_{name}": value for name, value in scores.items()}

    @staticmethod
    def _rows(tokens: Tensor, batch_size: int, device: str) -> Tensor:
        return columns(tokens, batch_size).to(device)


def _lengths(text: SearchText) -> Lengths:
    return Lengths(text.bptt, 1 - text.half_share, text.spread)
