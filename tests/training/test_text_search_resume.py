"""A second-order search of a recurrent cell goes on to the bit from any window, with both hidden states."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from nni_darts.data.text import STREAMS, Window, Windows
from nni_darts.diagnostics import Diagnostics
from nni_darts.errors import Interrupted
from nni_darts.recipe import build_recipe
from nni_darts.training.checkpoint import read_checkpoint
from tests.methods.tiny_text import searched_text

CLIPPED = {"order": 2, "clip": 0.25}


def interrupting(at: int) -> type[Windows]:
    """Windows of the training text of which one comes with a signal."""
    served = iter(range(10**6))

    class Interrupting(Windows):
        def __iter__(self) -> Iterator[Window]:
            for window in super().__iter__():
                if next(served) == at:
                    signal.raise_signal(signal.SIGINT)
                yield window

    return Interrupting


def search(folder: Path, **options: Any) -> dict[str, Any]:
    recipe = build_recipe("darts", **CLIPPED)
    strategy = searched_text(recipe, folder, epochs=3, diagnostics=Diagnostics(1, 1), **options)
    return strategy.oneshot_module.export()


def outcome(folder: Path) -> tuple[Any, ...]:
    checkpoint = read_checkpoint(folder / "last.ckpt")
    weights = {name: tensor.tolist() for name, tensor in checkpoint["state_dict"].items()}
    table = pd.read_csv(folder / "metrics.csv", dtype=str).drop(columns="seconds")
    return weights, checkpoint["optimizer_states"][1]["param_groups"], table.to_csv()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """What an uninterrupted search derives and leaves."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    sample = search(folder)
    return sample, outcome(folder)


@pytest.mark.parametrize("number", [1, 3, 4, 6, 9])
def test_interrupted_and_resumed_is_uninterrupted(number: int, whole: Any, tmp_path: Path) -> None:
    """Within the first epoch, at its end, and in the later ones, whose windows are of other lengths."""
    with pytest.raises(Interrupted):
        search(tmp_path / "run", windows=interrupting(number))
    checkpoint = read_checkpoint(tmp_path / "run" / "last.ckpt")
    states = [checkpoint["state_dict"][f"training_module.hidden_{stream}"] for stream in STREAMS]
    assert all(state.abs().sum() > 0 for state in states)
    assert not torch.equal(*states)
    # No window has scaled the rates that are kept, although it was within its step.
    rates = {group["lr"] for kept in checkpoint["optimizer_states"] for group in kept["param_groups"]}
    assert rates == {2.0, 0.05}
    assert search(tmp_path / "run", resume=True) == whole[0]
    assert outcome(tmp_path / "run") == whole[1]


def test_the_gap_of_a_text_is_in_perplexity(whole: Any) -> None:
    table = pd.read_csv(StringIO(whole[1][2]))
    grown = table["discretised_perplexity"] - table["valid_perplexity"]
    assert table["discretisation_gap"].tolist() == pytest.approx(grown.tolist())
    assert "hessian_eigenvalue" in table
