"""States of a search at the ends of earlier epochs, in memory or in files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from nni_darts.errors import RunError
from nni_darts.run.files import write_bytes


class InMemory:
    """Snapshots by epoch, on the CPU."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def put(self, epoch: int, content: Any) -> None:
        self._kept[epoch] = content

    def get(self, epoch: int) -> Any:
        if epoch not in self._kept:
            raise _missing(epoch, "in memory")
        return copied(self._kept[epoch])  # it may be needed again, and optimisers write into what they get

    def keep(self, epochs: set[int]) -> None:
        """Forget all others."""
        self._kept = {epoch: content for epoch, content in self._kept.items() if epoch in epochs}

    def state_dict(self) -> dict[int, Any]:
        return self._kept

    def load_state_dict(self, content: dict[int, Any]) -> None:
        self._kept = content


class InFolder:
    """Snapshots as files ``epoch-0010.ckpt``, of tensors and plain values."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, epoch: int, content: Any) -> None:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(self._path(epoch), buffer.getvalue())

    def get(self, epoch: int) -> Any:
        if not self._path(epoch).is_file():
            raise _missing(epoch, f"as {self._path(epoch)}")
        return torch.load(self._path(epoch), map_location="cpu", weights_only=True)

    def keep(self, epochs: set[int]) -> None:
        """Remove all others."""
        kept = {self._path(epoch) for epoch in epochs}
        for path in self.folder.glob("epoch-*.ckpt"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def state_dict(self) -> dict[int, Any]:
        return {}

    def load_state_dict(self, content: dict[int, Any]) -> None:
        for epoch, snapshot in content.items():  # of a search that had no folder
            self.put(epoch, snapshot)

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.ckpt"


def _missing(epoch: int, where: str) -> RunError:
    return RunError(
        f"the search must go back to the end of epoch {epoch}, whose state is not there {where}; "
        "restore it, or begin the search anew."
    )


def copied(content: Any) -> Any:
    """The same content with tensors of its own, on the CPU."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.detach().to("cpu", copy=True), content)
