"""A corpus: a training, a validation and a test text."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from nni_darts.data.text.info import CorpusInfo
from nni_darts.data.text.vocabulary import Vocabulary
from nni_darts.errors import ConfigError

logger = logging.getLogger(__name__)

PARTS = ("train", "valid", "test")


class Corpus:
    """What ``load`` returns for text: the vocabulary comes from the training text alone.

    Parameters
    ----------
    name
        Of the data set.
    files
        One path for each of ``train``, ``valid`` and ``test``: words divided by white space, UTF-8, a
        sentence or a paragraph a line.
    lines
        How many lines of the training text to take; None for all.

    Raises
    ------
    ConfigError
        A file that is missing, empty, or not UTF-8.
    """

    def __init__(self, name: str, files: Mapping[str, Path], lines: int | None = None) -> None:
        self.name = name
        self.files = dict(files)
        text = _lines(self.files["train"], "train")[:lines]
        self.vocabulary = Vocabulary.of(text)
        self.train: Tensor = self._encoded("train", text)
        self.info = CorpusInfo(name, len(self.vocabulary), self.vocabulary.fingerprint)

    @cached_property
    def valid(self) -> Tensor:
        """The numbers of the validation text, int64 [tokens]."""
        return self._encoded("valid", _lines(self.files["valid"], "valid"))

    @cached_property
    def test(self) -> Tensor:
        """The numbers of the test text, opened on first access: by retraining's final evaluation alone.

        Whether it is a text at all is asked before a retraining, see :func:`text_problems`.
        """
        logger.info("opening the test text of %s", self.name)
        return self._encoded("test", _lines(self.files["test"], "test"))

    @property
    def record(self) -> dict[str, Any]:
        """JSON values that tell how the corpus was made, for a run's directory."""
        return {
            "info": self.info.to_dict(),
            "train_tokens": len(self.train),
            "valid_tokens": len(self.valid),
        }

    def _encoded(self, part: str, lines: list[str]) -> Tensor:
        _require_words(self.files[part], part, lines)
        return self.vocabulary.encode(lines)


def _lines(path: Path, part: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"data: {path} ({part}) is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}; "
            "convert it, for example with iconv."
        ) from error
    except OSError as error:
        raise ConfigError(f"data: {path} ({part}) cannot be read: {error.strerror}.") from error
    # splitlines would also cut at characters that are words' own, such as U+0085 in a damaged text.
    lines = text.replace("\r\n", "\n").split("\n")
    if not any(line.strip() for line in lines):
        raise ConfigError(f"data: {path} ({part}) is empty; it should hold words divided by white space.")
    return lines[:-1] if lines[-1] == "" else lines


def _require_words(path: Path, part: str, lines: list[str]) -> None:
    if sum(len(line.split()) for line in lines) < 2:
        raise ConfigError(f"data: {path} ({part}) has fewer than two words.")


def text_problems(folder: Path, parts: Collection[str]) -> list[str]:
    """Everything that is wrong with a folder of texts, of which ``parts`` will be read; a sentence each."""
    if not folder.is_dir():
        return [f"data.root: {folder} is no folder; it should hold the train, valid and test text."]
    found, problems = _matching(folder)
    for part in parts:
        if part in found:
            try:
                _require_words(found[part], part, _lines(found[part], part))
            except ConfigError as error:
                problems += error.problems
    return problems


def find_texts(folder: Path) -> dict[str, Path]:
    """The files of a folder whose names hold ``train``, ``valid`` and ``test`` (``ptb.train.txt``).

    Raises
    ------
    ConfigError
        The folder is missing, or a part has no file or several.
    """
    problems = text_problems(folder, ())
    if problems:
        raise ConfigError(*problems)
    return _matching(folder)[0]


def _matching(folder: Path) -> tuple[dict[str, Path], list[str]]:
    names = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found: dict[str, Path] = {}
    problems = []
    for part in PARTS:
        matching = [path for path in names if part in path.name.lower()]
        if len(matching) == 1:
            found[part] = matching[0]
        else:
            told = ", ".join(path.name for path in matching) or "none"
            problems.append(f'data.root: {folder} needs one file with "{part}" in its name, but has {told}.')
    return found, problems
