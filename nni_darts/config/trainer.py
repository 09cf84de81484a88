"""Settings of the machine that trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from nni_darts.config.section import Count, Section, text_of


class Trainer(Section):
    """Where a trial computes, and how."""

    device: Annotated[
        str,
        StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$"),
        Field(json_schema_extra={"expected": "auto, cpu, cuda or cuda:N"}),
    ] = Field(default="auto", description="auto: the freest GPU, else the CPU")
    precision: Annotated[Literal["32", "bf16-mixed"], BeforeValidator(text_of)] = "32"
    threads: Count | None = Field(
        default=None, description="threads of torch on the CPU; null: torch's own choice"
    )
    trials_per_gpu: Count = Field(default=1, description="trials that may share a GPU")
    limit_batches: Count | None = Field(
        default=None, description="batches an epoch, for a quick look; null: all"
    )
