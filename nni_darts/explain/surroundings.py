"""The data, the device and the length of a stage."""

from __future__ import annotations

import torch

from nni_darts.config.settings import Settings
from nni_darts.data.outline import Outline
from nni_darts.explain.explanation import Explanation
from nni_darts.training.device import list_gpus


def add_data(explanation: Explanation, outline: Outline) -> None:
    """Classes, shape, number of training images, and how they are known."""
    info, count = outline.info, len(outline.labels)
    shape = (info.channels, *info.size)
    fact = {
        "name": info.name,
        "classes": info.num_classes,
        "shape": list(shape),
        "training_images": count,
        "source": outline.source,
    }
    explanation.add(
        "data",
        fact,
        f"{info.name}, {info.num_classes} classes, {'x'.join(map(str, shape))}, "
        f"{count:,} training images ({outline.source})",
    )


def likely_device(settings: Settings) -> str:
    """Where the stage would run if it began now; nothing is claimed."""
    wish = settings.trainer.device
    gpus = [] if wish == "cpu" else list_gpus()
    if wish == "auto" and not gpus:
        return "cpu"
    if wish in ("auto", "cuda"):
        return f"cuda:{max(gpus, key=lambda gpu: gpu.free).index}" if gpus else "cuda"
    return wish


def add_device(explanation: Explanation, settings: Settings, device: str) -> None:
    """Device, precision and threads."""
    trainer = settings.trainer
    threads = trainer.threads or torch.get_num_threads()
    here = device == "cpu" or torch.cuda.is_available()
    fact = {
        "device": device,
        "here": here,
        "threads": threads,
        "precision": trainer.precision,
        "tf32": trainer.tf32,
        "channels_last": trainer.channels_last,
    }
    words = [device if here else f"{device}, which torch does not see on this machine"]
    words.append(f"{threads} thread{'s' if threads > 1 else ''} of the CPU")
    words.append(f"precision {trainer.precision}")
    if device != "cpu":
        words.append(f"TF32 {'on' if trainer.tf32 else 'off'}")
    explanation.add("device", fact, ", ".join(words))


def add_length(
    explanation: Explanation, settings: Settings, epochs: int, batch: int, train: int, valid: int | None
) -> None:
    """Steps of training and validation, from the numbers of images."""
    limit = settings.trainer.limit_batches
    steps, checks = (
        None if count is None else min(-(-count // batch), limit or count) for count in (train, valid)
    )
    assert steps is not None
    fact = {
        "an_epoch": steps,
        "epochs": epochs,
        "all": steps * epochs,
        "validation_batches": checks,
        "batch_size": batch,
    }
    line = f"{steps:,} an epoch of {train:,} images, {epochs} epochs, {steps * epochs:,} in all"
    if checks is not None:
        line += f"; {checks:,} batches of validation an epoch"
    explanation.add("steps", fact, line)
