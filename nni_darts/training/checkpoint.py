"""Checkpoint files: written atomically, read without unpickling anything but tensors and plain values."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from nni_darts.errors import ConfigError
from nni_darts.run.files import write_bytes

KEY = "nni_darts"
"""Where a checkpoint keeps what it is of: schema, task, epochs, and the writer's metadata."""

SCHEMA = 1
NETWORK = "_model."
"""Prefix of the network's weights: NNI's Lightning module keeps it under this name."""


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint of ours, on the CPU.

    Raises
    ------
    ConfigError
        No such file, not readable, or not written by this version of nni-darts.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"checkpoint {path}: there is no such file.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise ConfigError(f"checkpoint {path}: not readable, or not a checkpoint of nni-darts.") from error
    found = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ConfigError(f"checkpoint {path}: not a checkpoint of nni-darts with schema {SCHEMA}.")
    return content


def network_weights(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """The state dict of the network itself, for ``network.load_state_dict``."""
    return {
        name.removeprefix(NETWORK): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(NETWORK)
    }


def refuse_other_network(checkpoint: dict[str, Any], module: nn.Module, where: str | Path) -> None:
    """Raise ``ConfigError`` with one sentence where the weights are another network's."""
    stored = {name: list(tensor.shape) for name, tensor in checkpoint["state_dict"].items()}
    wanted = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    if stored == wanted:
        return
    missing, extra = sorted(wanted.keys() - stored.keys()), sorted(stored.keys() - wanted.keys())
    differing = sorted(name for name in stored.keys() & wanted.keys() if stored[name] != wanted[name])
    if differing:
        name = differing[0]
        detail = (
            f"{len(differing)} weights have another shape, such as {name}: {stored[name]}, not {wanted[name]}"
        )
    else:
        name = (missing or extra)[0]
        detail = f"{len(missing)} weights are missing and {len(extra)} are unknown, such as {name}"
    raise ConfigError(
        f"checkpoint {where}: written for another space or network ({detail}); "
        "continue with the settings it was written with, or begin anew in another folder."
    )


class PlainCheckpointIO(TorchCheckpointIO):
    """How Lightning writes and reads files here.

    Attributes
    ----------
    module
        The module that is about to be loaded; a checkpoint of another network is refused by a sentence.
    epochs
        The length of its training, which the checkpoint must share.
    """

    def __init__(self) -> None:
        super().__init__()
        self.module: nn.Module | None = None
        self.epochs: int | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_bytes(path, buffer.getvalue())

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        checkpoint = read_checkpoint(path)
        if self.module is not None:
            refuse_other_network(checkpoint, self.module, path)
        epochs = checkpoint[KEY]["epochs"]
        if self.epochs is not None and epochs != self.epochs:
            raise ConfigError(
                f"checkpoint {path}: written by a run of {epochs} epochs, this one has {self.epochs}; "
                f"set epochs: {epochs}, or begin anew in another folder."
            )
        return checkpoint
