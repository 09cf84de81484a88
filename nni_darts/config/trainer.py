"""Settings of the machine that trains."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from nni_darts.config.section import Count, Section, text_of


def _on_off(value: Any) -> Any:
    """YAML reads a bare ``on`` and ``off`` as true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _true_false(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


class Trainer(Section):
    """Where a trial computes, and how."""

    device: Annotated[
        str,
        StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$"),
        Field(json_schema_extra={"expected": "auto, cpu, cuda or cuda:N"}),
    ] = Field(default="auto", description="auto: the freest GPU, else the CPU")
    precision: Annotated[Literal["32", "bf16-mixed"], BeforeValidator(text_of)] = Field(
        default="32",
        description="bf16-mixed is approximate; python -m benchmarks.precision measures its effect",
    )
    tf32: bool = Field(
        default=False,
        description="products of 32-bit numbers on a GPU with 10-bit mantissas; approximate, faster",
    )
    capture: Annotated[Literal["auto", "on", "off"], BeforeValidator(_on_off)] = Field(
        default="auto",
        description="repeat a search's steps on a GPU as CUDA graphs; on: or refuse to run",
    )
    data_on_device: Annotated[Literal["auto", "true", "false"], BeforeValidator(_true_false)] = Field(
        default="auto",
        description="keep the images in the GPU's memory; auto: where they take a quarter of what is free",
    )
    channels_last: bool = Field(
        default=True, description="memory order of weights; both orders compute the same"
    )
    cudnn_benchmark: bool = Field(
        default=True,
        description="time cuDNN's algorithms in the first steps; false: the same ones in every run",
    )
    threads: Count | None = Field(
        default=None,
        description="threads of torch on the CPU; null: torch's own choice, one per core. Trials that run "
        "side by side on a CPU need their share: cores / trialConcurrency",
    )
    trials_per_gpu: Count = Field(default=1, description="trials that may share a GPU")
    limit_batches: Count | None = Field(
        default=None, description="batches an epoch, for a quick look; null: all"
    )
