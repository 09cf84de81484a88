"""Choosing a device, so that trials on one machine do not meet on the same GPU."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nni_darts.errors import ConfigError

logger = logging.getLogger(__name__)

PAUSE = 2.0
"""Seconds between two looks for a free GPU."""


@dataclass(frozen=True)
class Gpu:
    """``index`` is torch's; ``uuid`` is the same in every process; ``free`` memory in bytes."""

    index: int
    uuid: str
    free: int


@contextmanager
def claim_device(wish: str = "auto", trials_per_gpu: int = 1, folder: Path | None = None) -> Iterator[str]:
    """The device to train on, kept from other runs until the block ends.

    A claim is a lock on a file that the system drops when the process ends, in whatever way. Runs that
    find every GPU claimed wait. Other users' processes are not locked out, but the GPU with most free
    memory is asked first.

    Parameters
    ----------
    wish
        ``auto`` (a GPU where there is one, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.
    trials_per_gpu
        How many runs may share a GPU; each is empty-handed only when all GPUs have that many.
    folder
        Of the lock files; the same for all runs that should respect each other.

    Yields
    ------
    str
        ``cpu`` or ``cuda:N``.

    Raises
    ------
    ConfigError
        A GPU is asked for that is not there, or the wish is not one of the four.
    """
    kind, _, index = wish.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and not (kind == "cuda" and index.isdigit())):
        raise ConfigError(f'trainer.device: "{wish}" is not known; give auto, cpu, cuda or cuda:N.')
    gpus = [] if kind == "cpu" else list_gpus()
    if kind == "cuda" and not gpus:
        raise ConfigError(f"trainer.device: {wish}, but torch sees no GPU here; give auto or cpu.")
    if index:
        chosen = [gpu for gpu in gpus if gpu.index == int(index)]
        if not chosen:
            raise ConfigError(
                f"trainer.device: {wish}, but torch sees {len(gpus)} GPU(s) here, counted from 0."
            )
        gpus = chosen
    if not gpus:
        yield "cpu"
        return
    gpu, lock = _claim(gpus, trials_per_gpu, folder or _lock_folder())
    with lock:
        logger.info("claimed cuda:%d", gpu.index)
        yield f"cuda:{gpu.index}"


def list_gpus() -> list[Gpu]:
    """The GPUs that torch may use, without starting work on any of them."""
    import torch

    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        uuid = f"GPU-{torch.cuda.get_device_properties(index).uuid}"
        found.append(Gpu(index, uuid, _free_memory(uuid)))
    return found


def _free_memory(uuid: str) -> int:
    """By NVML: torch would take some hundred MB of every GPU it asks."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(uuid)).free)
    except pynvml.NVMLError:
        return 0


def _lock_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"nni-darts-gpus-{os.getuid()}"


def _claim(gpus: Sequence[Gpu], slots: int, folder: Path) -> tuple[Gpu, IO[bytes]]:
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        # All first slots before any second one: GPUs are shared only when none is left alone.
        for slot in range(slots):
            for gpu in sorted(gpus, key=lambda gpu: -gpu.free):
                lock = _lock(folder / f"{gpu.uuid}.{slot}")
                if lock is not None:
                    return gpu, lock
        if not waiting:
            logger.warning("every GPU has %d run(s) of this user already; waiting for one", slots)
            waiting = True
        time.sleep(PAUSE)


def _lock(path: Path) -> IO[bytes] | None:
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
