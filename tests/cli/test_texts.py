"""Texts that are none, or not those of a checkpoint: refused with sentences, and nothing is computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from nni_darts.errors import Interrupted
from nni_darts.training.language import LanguageModule
from tests.cli.conftest import call, call_json
from tests.stages.test_spaces import data_of

CELL = "Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment on texts of a few lines, which lie in the folder ``text``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nni_darts.stages.retrain.draw_run", lambda run: None)
    (tmp_path / "text").mkdir()
    settings = {
        **data_of("darts_rnn", tmp_path / "text"),
        "space": {"name": "darts_rnn", "args": {"width": 4, "nodes": 2}},
        "search": {"epochs": 1, "batch_size": 8},
        "retrain": {"epochs": 1, "batch_size": 8, "network": {"width": 4}},
        "trainer": {"device": "cpu", "threads": 1, "limit_batches": 2},
    }
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


def other_words(folder: Path, count: int) -> None:
    """So many words instead of those that the training text has, in as many places."""
    text = (folder / "train.txt").read_text()
    for number, word in enumerate(["one", "two", "three", "four", "five"]):
        text = text.replace(word, f"w{number % count}")
    (folder / "train.txt").write_text(text)


@pytest.mark.parametrize(("verb", "damages"), [("search", 2), ("retrain", 3), ("run", 3)])
def test_texts_that_are_none_are_refused_all_at_once(verb: str, damages: int, config: Path):
    """The search leaves the test text closed; what retrains wants it whole before it begins."""
    (config.parent / "text" / "train.txt").write_bytes(b"caf\xe9 au lait\n")
    (config.parent / "text" / "valid.txt").write_bytes(b"\n \n")
    (config.parent / "text" / "test.txt").write_bytes(b"")
    found = {
        "search": lambda: call("search", "--config", config, "--out", "out"),
        "retrain": lambda: call("retrain", "--config", config, "--genotype", CELL, "--out", "out"),
        "run": lambda: call("run", config),
    }[verb]()
    assert found.exit_code == 2
    lines = [line for line in found.stderr.splitlines() if "data" in line]
    words = [
        "train.txt (train) is not UTF-8: byte 3 is 0xe9",
        "valid.txt (valid) is empty",
        "test.txt (test) is empty",
    ]
    assert len(lines) == damages
    assert all(word in line for word, line in zip(words, lines, strict=False))
    assert not Path("out").exists()


@pytest.mark.parametrize("verb", ["search", "retrain"])
def test_a_missing_text_is_said_beside_a_damaged_one(verb: str, config: Path):
    (config.parent / "text" / "valid.txt").unlink()
    (config.parent / "text" / "train.txt").write_text("word")
    genotype = ["--genotype", CELL] if verb == "retrain" else []
    found = call(verb, "--config", config, *genotype, "--out", "out")
    assert found.exit_code == 2
    missing, short = found.stderr.splitlines()
    assert missing.startswith("error: data.root: ")
    assert '"valid" in its name, but has none' in missing
    assert "train.txt (train) has fewer than two words" in short
    assert not Path("out").exists()


def test_a_folder_that_is_not_there(config: Path):
    shutil.rmtree(config.parent / "text")
    found = call("search", "--config", config, "--out", "out")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert line.endswith("text is no folder; it should hold the train, valid and test text.")


@pytest.mark.parametrize("count", [3, 5])
def test_a_retrained_network_is_not_tested_on_other_words(count: int, config: Path):
    """Of another number, or of the same: then the weights would fit, and mean other words."""
    call_json("retrain", "--config", config, "--genotype", CELL, "--out", "out")
    theirs = config.parent / "theirs"
    shutil.copytree(config.parent / "text", theirs)
    same = call_json("test", "--checkpoint", "out/seed-0", "--data-dir", theirs)
    assert same["test_perplexity"] > 1
    other_words(theirs, count)
    found = call("test", "--checkpoint", "out/seed-0", "--data-dir", theirs)
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert "was trained with another vocabulary (7 words of text" in line
    assert f"({count + 2} words" in line


@pytest.mark.parametrize(("verb", "count"), [("search", 5), ("retrain", 5), ("retrain", 3)])
def test_a_run_is_not_continued_on_other_words(
    verb: str, count: int, config: Path, monkeypatch: pytest.MonkeyPatch
):
    genotype = ["--genotype", CELL] if verb == "retrain" else []
    words = [verb, "--config", config, *genotype, "--out", "out"]

    def stop(module: LanguageModule) -> None:
        raise Interrupted("stopped.")

    with monkeypatch.context() as patch:
        patch.setattr(LanguageModule, "on_train_end", stop)
        assert call(*words).exit_code == 130
    (checkpoint,) = Path("out").rglob("last.ckpt")
    before = checkpoint.read_bytes()
    other_words(config.parent / "text", count)
    found = call(*words, "--resume")
    assert found.exit_code == 2
    (line,) = [line for line in found.stderr.splitlines() if "error" in line]
    assert line.startswith("error: data: the network was trained with another vocabulary (7 words of text")
    assert checkpoint.read_bytes() == before
