"""Three text files become numbers; real sizes where the Penn Treebank is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nni_darts.data.text.corpus import Corpus, find_texts
from nni_darts.data.text.info import CorpusInfo
from nni_darts.data.text.vocabulary import Vocabulary
from nni_darts.errors import ConfigError

TEXTS = {"train": " the cat sat\n the dog sat \n", "valid": " the bird sat\n", "test": " a dog\n\n dog\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, text in TEXTS.items():
        (tmp_path / f"my.{part}.txt").write_text(text)
    return tmp_path


def test_words_come_from_the_training_text_alone(folder: Path):
    corpus = Corpus("mine", find_texts(folder))
    assert corpus.vocabulary.words == ("the", "cat", "sat", "<eos>", "dog", "<unk>")
    assert corpus.train.tolist() == [0, 1, 2, 3, 0, 4, 2, 3]
    assert corpus.valid.tolist() == [0, 5, 2, 3]
    assert corpus.test.tolist() == [5, 4, 3, 3, 4, 3]  # an empty line is an end of a sentence too
    assert Corpus("mine", find_texts(folder), lines=1).train.tolist() == [0, 1, 2, 3]
    assert corpus.record["train_tokens"] == 8


def test_the_test_text_stays_closed_until_asked_for(folder: Path):
    (folder / "my.test.txt").write_bytes(b"\xff")
    corpus = Corpus("mine", find_texts(folder))
    assert len(corpus.valid) == 4
    with pytest.raises(ConfigError, match=r"my.test.txt \(test\) is not UTF-8: byte 0 is 0xff"):
        _ = corpus.test


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"my.train.txt \(train\) is empty"),
        (b" \n\n", r"my.train.txt \(train\) is empty"),
        (b"word", r"\(train\) has fewer than two words"),
        (b"caf\xe9\n au lait", "is not UTF-8: byte 3 is 0xe9"),
    ],
)
def test_a_text_that_is_none_is_refused(folder: Path, content: bytes, sentence: str):
    (folder / "my.train.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        Corpus("mine", find_texts(folder))


def test_every_missing_or_doubtful_file_is_named_at_once(folder: Path):
    (folder / "my.valid.txt").unlink()
    (folder / "old.test.txt").write_text("x")
    with pytest.raises(ConfigError) as caught:
        find_texts(folder)
    first, second = caught.value.problems
    assert '"valid" in its name, but has none' in first
    assert '"test" in its name, but has my.test.txt, old.test.txt' in second
    with pytest.raises(ConfigError, match="is no folder"):
        find_texts(folder / "nowhere")
    with pytest.raises(ConfigError, match=r"gone.txt \(train\) cannot be read: No such file"):
        Corpus("mine", {"train": folder / "gone.txt"})


def test_another_vocabulary_is_refused(folder: Path):
    corpus = Corpus("mine", find_texts(folder))
    corpus.info.refuse_other(CorpusInfo("other", 6, corpus.vocabulary.fingerprint))
    other = Vocabulary(("the", "cat", "sat", "<eos>", "<unk>", "dog"))
    with pytest.raises(ConfigError, match=r"another vocabulary \(6 words of theirs"):
        corpus.info.refuse_other(CorpusInfo("theirs", 6, other.fingerprint))


@pytest.fixture
def treebank() -> Corpus:
    root = os.environ.get("NNI_DARTS_DATA")
    folder = Path(root) / "ptb" if root else None
    if folder is None or not folder.is_dir():
        pytest.skip("no $NNI_DARTS_DATA/ptb with the Penn Treebank's three texts")
    return Corpus("ptb", find_texts(folder))


def test_the_penn_treebank_has_its_known_sizes(treebank: Corpus):
    assert len(treebank.vocabulary) == 10_000
    sizes = [len(part) for part in (treebank.train, treebank.valid, treebank.test)]
    assert sizes == [929_589, 73_760, 82_430]
