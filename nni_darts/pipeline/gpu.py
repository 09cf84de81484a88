"""Is there the GPU that the settings ask for? Asked through NVML, since the tuner must not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def count() -> int:
    """GPUs of this machine that NVML sees, whatever CUDA_VISIBLE_DEVICES says."""
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return 0


def problem(device: str) -> str | None:
    """One sentence where this machine cannot provide ``trainer.device``."""
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return None
    found = count()
    if found > int(index or 0):
        return None
    there = f"{found or 'no'} NVIDIA GPU{'' if found == 1 else 's'}"
    return f"trainer.device: {device} is asked for, but this machine has {there}; use auto or cpu."


def experiment_problems(device: str, config: Mapping[str, Any]) -> list[str]:
    """Why an experiment's trials would not get their GPU; ``config`` as NNI's manager holds it.

    NNI must not place trials: where none of its GPUs is free it looks for one without a pause, until
    the manager no longer answers. This is said before the first trial is sent.
    """
    service = config.get("trainingService")
    service = service if isinstance(service, Mapping) else {}
    found = []
    if config.get("trialGpuNumber") or service.get("trialGpuNumber"):
        found.append("trialGpuNumber: leave it out; every trial chooses its own device (trainer.device).")
    missing = problem(device) if service.get("platform") == "local" else None
    return [*found, missing] if missing else found
