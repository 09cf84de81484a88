"""Trained weights as a file that anybody may open."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
from torch import nn

from nni_darts.run.directory import Run
from nni_darts.run.files import write_bytes

FILE = "model.safetensors"


def write_weights(network: nn.Module, run: Run) -> None:
    """The network's weights and buffers as ``model.safetensors`` of the run, atomically."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(run.path / FILE, safetensors.torch.save(weights))


def read_weights(network: nn.Module, folder: Path) -> None:
    """The weights that a run's training kept, into its network."""
    network.load_state_dict(safetensors.torch.load_file(folder / FILE))
