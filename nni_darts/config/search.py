"""Settings of the search stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nni_darts.config.section import Count, Index, NotNegative, Number, Positive, Probability, Section
from nni_darts.config.text import SearchText


class Search(Section):
    """Training of the supernet; all values are those of cnn/train_search.py in quark0/darts."""

    epochs: Count = Field(default=50, description="of every phase, where the method searches in phases")
    batch_size: Count = Field(default=64, description="of the weight half and of the architecture half alike")
    lr: Positive = 0.025
    lr_min: NotNegative = Field(
        default=0.001, description="end of the cosine schedule (the paper's text says 0)"
    )
    momentum: Probability = 0.9
    nesterov: bool = Field(default=False, description="the momentum is Nesterov's: a step looks ahead by it")
    weight_decay: NotNegative = 3e-4
    grad_clip: Positive | None = Field(
        default=5.0, description="largest norm of the weights' gradient; null: no limit"
    )
    arch_lr: Positive = Field(default=3e-4, description="learning rate of the architecture parameters")
    arch_weight_decay: NotNegative = 1e-3
    arch_betas: tuple[Probability, Probability] = Field(default=(0.5, 0.999), description="sgd has none")
    arch_optimizer: Literal["adam", "adamw", "sgd"] = Field(
        default="adam", description="adam couples the decay into the gradient, adamw does not; sgd is plain"
    )
    arch_schedule: Literal["constant", "cosine"] = "constant"
    arch_lr_min: NotNegative = Field(default=0.0, description="end of the cosine schedule of arch_lr")
    arch_init: NotNegative | None = Field(
        default=None,
        description="standard deviation of the first alphas; null: that of the method, mostly 0.001",
    )
    arch_init_mean: Number | None = Field(
        default=None, description="mean of the first alphas; null: that of the method, mostly 0"
    )
    arch_grad_clip: Positive | None = Field(
        default=None, description="largest norm of the architecture's gradient; null: as the method says"
    )
    unrolled_clip: Positive | None = Field(
        default=None,
        description="largest norm of the weights' gradients inside the unrolled step of second order; null: "
        "no limit",
    )
    warmup_epochs: Index = Field(default=0, description="epochs at the start that train weights only")
    weight_steps: Count | None = Field(
        default=None,
        description="weight steps, each on its own batch, for every architecture step; null: as the method "
        "has it, mostly 1. An epoch stays one pass over the images",
    )
    cutout_length: Index = Field(
        default=0, description="pixels of the erased square's side in the batches of the weights; 0: off"
    )
    cutout_schedule: Literal["linear", "constant"] = Field(
        default="linear",
        description="share of images with cutout in epoch e: e / (epochs - 1), as R-DARTS means it, or all, "
        "as its code does",
    )
    supernet: Literal["auto", "fused", "generic"] = Field(
        default="auto",
        description="generic: one candidate after the other; fused: candidates of one state together; "
        "auto: fused where that is known to be faster",
    )
    checkpoint_cells: bool = Field(
        default=False,
        description="compute cells again for their backward instead of keeping what is inside: less memory",
    )
    eigenvalue_every: Count | None = Field(
        default=None,
        description="epochs between two values of the largest eigenvalue of the validation loss's Hessian in "
        "alpha; null: never",
    )
    discretisation_every: Count | None = Field(
        default=5,
        description="epochs between two validations of the supernet cut down to what would be derived, and "
        "after the last one; null: never",
    )
    text: SearchText | None = Field(default=None, description="only where the data are texts")
