"""A reference file: float16 inputs and float64 outputs as float64 tensors, strings and JSON as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Fixture:
    """Read-only view of an ``.npz`` file, or of one folder of names in it.

    ``fixture["a/b"]`` is a tensor: every float array in float64 (float16 inputs are exact), integers in
    int64. ``fixture.under("a")`` is the view in which that array is called ``b``.
    """

    def __init__(self, arrays: Any, prefix: str = "") -> None:
        self._arrays = arrays
        self._prefix = prefix

    @classmethod
    def load(cls, path: str | Path) -> Fixture:
        """Open a file; nothing in it is unpickled."""
        return cls(np.load(path, allow_pickle=False))

    def under(self, folder: str) -> Fixture:
        """The arrays whose names start with ``folder/``."""
        return Fixture(self._arrays, f"{self._prefix}{folder}/")

    def __iter__(self) -> Iterator[str]:
        start = len(self._prefix)
        return (name[start:] for name in self._arrays if name.startswith(self._prefix))

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._arrays

    def __getitem__(self, name: str) -> Tensor:
        array = self._raw(name)
        kind = torch.float64 if array.dtype.kind == "f" else torch.int64
        return torch.from_numpy(array.astype(np.float64 if kind == torch.float64 else np.int64))

    def folders(self) -> list[str]:
        """First parts of the names, each once, in the file's order."""
        return list(dict.fromkeys(name.split("/")[0] for name in self if "/" in name))

    def number(self, name: str) -> float:
        """A scalar, such as a loss or a learning rate."""
        return float(self._raw(name))

    def strings(self, name: str) -> list[str]:
        """A list of strings."""
        return [str(text) for text in self._raw(name)]

    def string(self, name: str) -> str:
        """One string."""
        return str(self._raw(name))

    def json(self, name: str) -> Any:
        """A JSON string, decoded."""
        return json.loads(self.string(name))

    def _raw(self, name: str) -> np.ndarray[Any, Any]:
        return self._arrays[self._prefix + name]
