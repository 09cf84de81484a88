"""What was measured on, and with which versions."""

from __future__ import annotations

import datetime
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import torch

VERSIONS = ("torch", "nni", "pytorch-lightning")


def hardware(device: str, threads: int) -> str:
    """The processor with its thread count, or the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"


def versions() -> str:
    """Of what decides about speed, in one line."""
    named = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"Python {platform.python_version()}, {named}"


def provenance() -> str:
    """Date, versions and the command that is running, its paths left out: they are the user's."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["-m", module.name] if module else [Path(sys.argv[0]).name]
    words = ["PATH" if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return f"{datetime.date.today()}, {versions()}. `{shlex.join(['python', *program, *words])}`."


def _processor() -> str:
    """Name, and family and model where the name alone says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in found.items()}
    name = facts.get("model name", platform.machine())
    if "cpu family" in facts and "model" in facts:
        return f"{name} (family {facts['cpu family']}, model {facts['model']})"
    return name
