"""A corpus: a training, a validation and a test text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
        """The numbers of the test text, opened on first access: by retraining's final evaluation alone."""
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
        tokens = self.vocabulary.encode(lines)
        if len(tokens) < len(lines) + 2:
            raise ConfigError(f"data: {self.files[part]} ({part}) has fewer than two words.")
        return tokens


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


def find_texts(folder: Path) -> dict[str, Path]:
    """The files of a folder whose names hold ``train``, ``valid`` and ``test`` (``ptb.train.txt``).

    Raises
    ------
    ConfigError
        The folder is missing, or a part has no file or several.
    """
    if not folder.is_dir():
        raise ConfigError(f"data.root: {folder} is no folder; it should hold the train, valid and test text.")
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
    if problems:
        raise ConfigError(*problems)
    return found
