"""Whole searches of a recurrent cell, of a few steps, for tests of methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from nni.nas.evaluator.pytorch import Lightning
from pytorch_lightning import Callback
from torch import Tensor

from nni_darts.config.text import text_defaults
from nni_darts.data.text import Lengths, Windows, columns
from nni_darts.recipe import Recipe, with_outer_options
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.callbacks import EpochCheckpoint, EpochLength, EpochReport, StopOnSignal
from nni_darts.training.language import LanguageModule
from nni_darts.training.trainer import make_trainer
from search_spaces import DartsRnnSpace

WORDS, BATCH, BPTT = 7, 3, 5
DEFAULTS = text_defaults("search", {})


def recurrent_space(**sizes: Any) -> DartsRnnSpace:
    """Two nodes of width 6, weights drawn with seed 0, every kind of dropout.

    None of them is the paper's 0.75: of so few units it would leave none, and a BatchNorm of zeros multiplies
    gradients by 300 in every state of every time step.
    """
    torch.manual_seed(0)
    dropouts = dict.fromkeys(("dropout", "dropoutx", "dropouth", "dropouti", "dropoute"), 0.1)
    return DartsRnnSpace(**{"vocabulary": WORDS, "width": 6, "nodes": 2, **dropouts, **sizes})


def tokens(count: int, seed: int) -> Tensor:
    return torch.randint(WORDS, (count,), generator=torch.Generator().manual_seed(seed))


def searched_text(
    recipe: Recipe,
    folder: Path,
    epochs: int = 2,
    resume: bool = False,
    signals: type[StopOnSignal] = StopOnSignal,
    windows: type[Windows] = Windows,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> DifferentiableStrategy:
    """Search with the settings of texts; an epoch has some four windows of both texts, of several lengths.

    ``windows`` serves the training text, ``signals`` stops a search.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    space = recurrent_space()
    run = Run.create(folder, "search/0", resume=resume)
    weights, alphas = columns(tokens(50, 1), BATCH), columns(tokens(40, 2), BATCH)
    lengths = Lengths(BPTT, share=0.5, spread=1.0, least=2)
    checkpoint = EpochCheckpoint(run)
    evaluator = Lightning(
        LanguageModule(BATCH, lr=2.0, weight_decay=1e-3),
        make_trainer(
            run,
            epochs,
            "cpu",
            [EpochLength(), EpochReport(run, NullReporter()), checkpoint, signals(checkpoint), *callbacks],
        ),
        train_dataloaders=windows(weights, BPTT, lengths, 5),
        val_dataloaders=Windows(alphas, BPTT, lengths, 5, follow=len(weights)),
        fit_kwargs={"ckpt_path": checkpoint.resume_path()},
    )
    strategy = DifferentiableStrategy(
        with_outer_options(recipe, arch_lr=0.05, arch_betas=DEFAULTS["arch_betas"]),
        gradient_clip_val=DEFAULTS["grad_clip"],
        validation_dataloader=Windows(columns(tokens(40, 2), 2), BPTT),
        **options,
    )
    torch.manual_seed(99 if resume else 7)
    strategy.search(space, evaluator)
    return strategy
