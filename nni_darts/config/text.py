"""Settings of training on text: windows of truncated back-propagation, and AWD-LSTM's regularisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from nni_darts.config.section import Count, Index, NotNegative, Probability, Section


class SearchText(Section):
    """What a search on text has besides; values are those of rnn/train_search.py in quark0/darts."""

    bptt: Count = Field(default=35, description="usual rows of a window")
    half_share: Probability = Field(default=0.05, description="share of windows around half of that")
    spread: NotNegative = Field(default=0.0, description="deviation of a window's rows; 0: none")
    temporal: NotNegative = Field(default=1e-3, description="weight of squared steps between outputs (beta)")
    activation: NotNegative = Field(default=0.0, description="weight of squared outputs (alpha)")
    valid_batch_size: Count = Field(default=10, description="columns of the validation text")


class TrainingText(SearchText):
    """What training a discrete network on text has besides; values are those of rnn/train.py."""

    spread: NotNegative = 5.0
    nonmono: Index | None = Field(
        default=5,
        description="average the weights once validation is worse than the best of all evaluations but the "
        "last so many; null: never",
    )
    test_batch_size: Count = Field(default=1, description="columns of the test text")


_SGD = {"lr": 20.0, "momentum": 0.0, "grad_clip": 0.25}

_TRAINING = {
    **_SGD,
    "batch_size": 64,
    "weight_decay": 8e-7,
    "drop_path_prob": 0.0,
    "cutout_length": 0,
    "auxiliary_weight": 0.0,
}

STAGES: dict[str, dict[str, Any]] = {
    "search": {
        **_SGD,
        "batch_size": 256,
        "weight_decay": 5e-7,
        "arch_lr": 3e-3,
        "arch_betas": (0.9, 0.999),
        "unrolled_clip": 0.25,
    },
    "select": {**_TRAINING, "epochs": 300},
    "retrain": {**_TRAINING, "epochs": 8000},
}
"""Defaults of every stage on texts: rnn/train_search.py, rnn/train.py, and DARTS, 3.2, for the selection."""


def text_defaults(stage: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage on texts has where ``given`` says nothing else; its rate stays: the least is the first."""
    values = {"text": {}, **STAGES[stage], **given}
    return {"lr_min": values["lr"], **values}
