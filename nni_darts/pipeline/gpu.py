"""Is there the GPU that the settings ask for? Asked through NVML, since the tuner must not import torch."""

from __future__ import annotations


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
    return f"trainer.device: {device} is asked for, but this machine has {found or 'no'} NVIDIA GPU{'' if found == 1 else 's'}; use auto or cpu."
