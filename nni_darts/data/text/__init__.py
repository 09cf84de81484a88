"""Words of three text files as one long row of numbers each, served in windows that follow each other."""

from __future__ import annotations

from nni_darts.data.text.corpus import Corpus
from nni_darts.data.text.vocabulary import Vocabulary
from nni_darts.data.text.windows import STREAMS, Lengths, Window, Windows, columns

__all__ = ["STREAMS", "Corpus", "Lengths", "Vocabulary", "Window", "Windows", "columns"]
