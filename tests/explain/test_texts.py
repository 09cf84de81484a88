"""A dry run of language models."""

from __future__ import annotations

from pathlib import Path

from nni_darts.explain import explain_search, explain_training
from nni_darts.genotype import Architecture, resolve
from tests.stages.test_spaces import data_of, settings_of


def test_a_search_on_texts_is_explained(tmp_path: Path):
    settings = settings_of("darts_rnn", **data_of("darts_rnn", tmp_path))
    facts = explain_search(settings, memory=True).facts
    # 90 lines of six words and an end each; 630 tokens in 16 columns are 39 rows.
    assert facts["data"] == {"name": "text", "words": 7, "train_tokens": 630, "valid_tokens": 420}
    assert facts["parameters"]["architecture"] == 3 * 5
    assert facts["steps"]["an_epoch"] == 1
    assert facts["memory"]["activations"] > 0
    assert (facts["memory"]["batch"], facts["memory"]["rows"]) == (16, 35)


def test_a_training_on_texts_is_explained(tmp_path: Path):
    settings = settings_of("darts_rnn", **data_of("darts_rnn", tmp_path))
    cell = resolve("Genotype(recurrent=[('relu', 0), ('tanh', 1)], concat=range(1, 3))").genotype
    facts = explain_training(settings, Architecture.from_genotype(cell, space="darts_rnn")).facts
    # Card darts-rnn, item 2: V n + V + 2n 2n + nodes n 2n with V = 7 words and n = 4.
    assert facts["parameters"]["weights"] == 7 * 4 + 7 + 8 * 8 + 2 * 4 * 8
