"""One language model trained and tested as the section ``retrain`` of a file says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from torch import nn

from benchmarks.words.lstm import LstmModel, width_for
from nni_darts.config import Settings
from nni_darts.data.text import Windows
from nni_darts.genotype import Architecture
from nni_darts.parts.paths import draw
from nni_darts.run import NullReporter, Run
from nni_darts.stages.context import Context, prepared
from nni_darts.stages.space import build_network, build_space
from nni_darts.stages.training import parameters_of
from nni_darts.supernet.space import read_structure
from nni_darts.training.retrain import train_network
from nni_darts.training.weights import read_weights
from search_spaces.recurrent.language_model import LanguageModel

Build = Callable[[Context], nn.Module]


@dataclass(frozen=True)
class Row:
    """``valid``: of the weights that were tested, the best.

    ``minutes`` on the clock, in all processes that had a part in the training, with its validations; in each
    of these seconds it went through so many ``tokens`` of the training text.
    """

    name: str
    seed: int
    weights: int
    valid: float
    test: float
    tokens: float
    minutes: float


def of_architecture(architecture: Architecture) -> Build:
    """The network of a cell, with the sizes of the section ``retrain``."""

    def build(context: Context) -> nn.Module:
        stage = context.settings.retrain
        return build_network(context.settings, dict(stage.network), architecture, context.task.info)

    return build


def random_architecture(context: Context, seed: int) -> Architecture:
    """Drawn as by the method ``random-search``."""
    structure = read_structure(build_space(context.settings, context.task.info))[0]
    sample = draw(structure, np.random.Generator(np.random.PCG64(seed)), none=False).sample()
    return Architecture.from_sample(
        sample,
        space=context.settings.space.name,
        method="random-search",
        macro=dict(context.settings.space.args),
        provenance={"seed": seed},
    )


def of_random_cell(seed: int) -> Build:
    """The network of a random cell."""

    def build(context: Context) -> nn.Module:
        return of_architecture(random_architecture(context, seed))(context)

    return build


def lstm_as_large_as(architecture: Architecture) -> Build:
    """An LSTM whose number of weights is the nearest to that of a cell's network."""

    def build(context: Context) -> nn.Module:
        like = of_architecture(architecture)(context)
        assert isinstance(like, LanguageModel)
        words = like.embedding.num_embeddings
        return LstmModel(words, width_for(parameters_of(like), words), like.dropouts)

    return build


def trained(name: str, build: Build, settings: Settings, seed: int, folder: Path) -> Row:
    """Train and test with one seed; a training that was interrupted goes on where it was."""
    run = Run.create(folder, f"retrain/{seed}", resume=folder.exists())
    with prepared(settings, seed, run) as context:
        stage, task = settings.retrain, context.task
        network = build(context)
        train, valid = task.training_loaders(stage, context.device, seed, select=False)
        train_network(
            network,
            train,
            valid,
            stage,
            run,
            NullReporter(),
            seed=seed,
            device=context.device,
            limit_batches=settings.trainer.limit_batches,
            metadata=context.metadata("retrain", architecture=name),
            module=task.training_module(stage),
        )
        read_weights(network, run.path)
        tested = task.test(network, stage, context.device, task.info)["test_perplexity"]
    epochs = _epochs(run)
    best = min(row["valid_perplexity"] for row in epochs)
    seconds = sum(row["seconds"] for row in epochs)
    tokens = _tokens(train, len(epochs), settings.trainer.limit_batches)
    return Row(name, seed, parameters_of(network), best, tested, tokens / seconds, seconds / 60)


def _tokens(windows: Windows, epochs: int, limit: int | None) -> int:
    """How many a training of so many epochs went through."""
    count = 0
    for epoch in range(epochs):
        windows.set_epoch(epoch)
        count += sum(window.x.numel() for window in islice(windows, limit))
    return count


def _epochs(run: Run) -> list[dict[str, float]]:
    import pandas as pd

    found: list[dict[str, float]] = pd.read_csv(run.path / "metrics.csv").to_dict("records")
    return found
