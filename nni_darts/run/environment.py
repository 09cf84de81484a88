"""What a run ran on: versions and device, and on purpose nothing that names the machine or its user."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

PACKAGES = ("nni-darts", "nni", "torch", "torchvision", "pytorch-lightning", "numpy", "pandas")


def environment(device: str, seed: int | None) -> dict[str, Any]:
    """The content of ``env.json``; ``device`` is a torch device such as ``cpu`` or ``cuda:0``."""
    import torch

    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "device": device,
        "threads": torch.get_num_threads(),
        "seed": seed,
    }
    if torch.device(device).type == "cuda":
        gpu = torch.cuda.get_device_properties(torch.device(device))
        found["gpu"] = {"name": gpu.name, "memory_bytes": gpu.total_memory, "cuda": torch.version.cuda}
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
