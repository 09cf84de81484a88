"""The comparison of language models, on a text of a few lines."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner
from torch import nn

from benchmarks.language import RESULT, main
from benchmarks.words.lstm import LstmModel, weights_of, width_for
from nni_darts.errors import Interrupted
from nni_darts.stages.training import parameters_of
from nni_darts.training.callbacks import epoch_report
from nni_darts.training.language import LanguageModule
from search_spaces.recurrent.dropout import Dropouts
from tests.stages.test_spaces import data_of

CELL = "Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))"
NONE = Dropouts(0, 0, 0, 0, 0)


def test_it_is_torchs_lstm():
    """Gates in torch's order; both states go on in one hidden state."""
    torch.manual_seed(0)
    model = LstmModel(7, 4, NONE)
    reference = nn.LSTM(4, 4)
    cell = model.cell
    with torch.no_grad():
        cell.bias.normal_()
        for mine, its in ((cell.of_input, "weight_ih_l0"), (cell.of_hidden, "weight_hh_l0")):
            reads, forgets, writes, candidate = mine.t().chunk(4)
            getattr(reference, its).copy_(torch.cat([reads, forgets, candidate, writes]))
        reads, forgets, writes, candidate = cell.bias.chunk(4)
        reference.bias_ih_l0.copy_(torch.cat([reads, forgets, candidate, writes]))
        reference.bias_hh_l0.zero_()
    tokens = torch.randint(7, (5, 3))
    first = model(tokens[:2], model.initial_hidden(3))
    second = model(tokens[2:], first.hidden)
    expected, (output, memory) = reference(model.embedding(tokens))
    assert torch.allclose(torch.cat([first.raw, second.raw]), expected, atol=1e-6)
    assert torch.allclose(second.hidden, torch.cat([output[0], memory[0]], -1), atol=1e-6)


def test_its_masks_are_those_of_the_sequence_and_gone_in_evaluation():
    torch.manual_seed(0)
    model = LstmModel(7, 4, Dropouts(0.5, 0.5, 0.5, 0.5, 0.5))
    tokens = torch.randint(7, (5, 3))
    hidden = model.initial_hidden(3)
    assert not torch.equal(model(tokens, hidden).raw, model(tokens, hidden).raw)
    model.eval()
    assert torch.equal(model(tokens, hidden).logits, model(tokens, hidden).logits)


@pytest.mark.parametrize("weights", [1_000, 513_845, 22_960_000])
def test_its_width_has_the_nearest_number_of_weights(weights: int):
    width = width_for(weights, 100)
    assert parameters_of(LstmModel(100, 5, NONE)) == weights_of(100, 5)
    errors = [abs(weights_of(100, other) - weights) for other in (width - 1, width, width + 1) if other]
    assert min(errors) == abs(weights_of(100, width) - weights)


def experiment(folder: Path) -> list[str]:
    """The words of a command whose trainings have 2 epochs of 2 windows of a text of a few lines."""
    (folder / "text").mkdir()
    settings = {
        **data_of("darts_rnn", folder / "text"),
        "space": {"name": "darts_rnn", "args": {"width": 4, "nodes": 2}},
        "retrain": {"epochs": 2, "batch_size": 8, "network": {"width": 4}, "seeds": [3]},
        "trainer": {"device": "cpu", "threads": 1, "limit_batches": 2},
    }
    config = folder / "config.yml"
    config.write_text(yaml.safe_dump(settings))
    return ["--config", str(config), "--genotype", CELL, "--out", str(folder / "out"), "--json"]


def rows_of(words: list[str]) -> list[dict[str, Any]]:
    found = CliRunner().invoke(main, words, catch_exceptions=False)
    rows: list[dict[str, Any]] = json.loads(found.output.splitlines()[-1])["rows"]
    return rows


def test_the_command(tmp_path: Path):
    words = experiment(tmp_path)
    rows = rows_of(words)
    assert [(row["name"], row["seed"]) for row in rows] == [
        ("derived cell", 3),
        ("random cell 0", 3),
        ("LSTM", 3),
    ]
    # Seven words with the end and the unknown one: 7 * 4 + 7 + 4 * 16 + 2 * 2 * 16.
    assert rows[0]["weights"] == rows[1]["weights"] == 163
    assert abs(rows[2]["weights"] - 163) <= 60
    assert all(row["test"] > 1 and row["tokens"] > 0 for row in rows)
    assert rows_of(words) == rows
    wrong = CliRunner().invoke(main, [*words[:-1], "--config", "experiment_configs/darts_digits.yml"])
    assert wrong.exit_code == 2
    assert "digits is no text" in wrong.output


def test_a_training_of_two_processes_counts_the_time_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each of the four windows takes 100 seconds by this clock; after the first comes a stop, and an hour."""
    clock = [0.0]
    monkeypatch.setattr(epoch_report, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    step = LanguageModule.training_step
    stops: list[float] = []

    def slow(module: LanguageModule, batch: Any, batch_idx: int) -> Any:
        clock[0] += 100
        if clock[0] in stops:
            signal.raise_signal(signal.SIGINT)
        return step(module, batch, batch_idx)

    monkeypatch.setattr(LanguageModule, "training_step", slow)
    words = [*experiment(tmp_path), "--random", "0", "--no-lstm"]
    whole = rows_of(words)
    assert whole[0]["minutes"] == pytest.approx(400 / 60)
    out = tmp_path / "again"
    words[words.index("--out") + 1] = str(out)
    stops.append(clock[0] + 100)
    with pytest.raises(Interrupted):
        rows_of(words)
    clock[0] += 3600
    assert rows_of(words) == whole
    # Without its row a finished training is read, not done again.
    (out / "derived-cell-3" / RESULT).unlink()
    assert rows_of(words) == whole


def test_tokens_are_those_of_the_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """8 columns, each row of a window once: what the module saw is what is counted."""
    seen: list[int] = []
    step = LanguageModule.training_step

    def counted(module: LanguageModule, batch: Any, batch_idx: int) -> Any:
        seen.append(batch.x.numel())
        return step(module, batch, batch_idx)

    monkeypatch.setattr(LanguageModule, "training_step", counted)
    (row,) = rows_of([*experiment(tmp_path), "--random", "0", "--no-lstm"])
    assert len(seen) == 4
    assert row["tokens"] * row["minutes"] * 60 == pytest.approx(sum(seen))
