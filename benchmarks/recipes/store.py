"""The folder of results: a file for each search, named by everything that decides about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.recipes.budget import Budget
from benchmarks.recipes.code import fingerprint
from benchmarks.recipes.variants import Variant

Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A search to do: a row and a seed."""

    variant: Variant
    seed: int
    budget: Budget

    @property
    def arguments(self) -> dict[str, Any]:
        """Of :func:`benchmarks.recipes.search.measured`."""
        return {
            "method": self.variant.method,
            "options": self.variant.fitted(self.budget.epochs),
            "seed": self.seed,
            "budget": self.budget.to_dict(),
        }

    @property
    def stem(self) -> str:
        """Without the code: the row, the seed, and a hash of the settings."""
        text = json.dumps(self.arguments, sort_keys=True)
        name = "-".join("".join(c if c.isalnum() else " " for c in self.variant.name).split())
        return f"{name}-{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        return f"{self.variant.name}, seed {self.seed}"


@dataclass(frozen=True)
class Store:
    """Results in ``folder``.

    Attributes
    ----------
    any_code
        Whether a result of other code than is here now is taken where there is none of this code; without
        it such a search is done again. Both files stay.
    """

    folder: Path
    any_code: bool = False

    def path(self, task: Task) -> Path:
        """Where the result of this code goes."""
        return self.folder / f"{task.stem}-{fingerprint(task.variant.method)}.json"

    def read(self, task: Task) -> Result | None:
        """The result, with ``other_code`` where it is of other code; None where the search is still to do."""
        own = self.path(task)
        if own.exists():
            return {**_json(own), "other_code": False}
        if not self.any_code:
            return None
        others = sorted(self._others(task), key=lambda path: path.stat().st_mtime)
        return {**_json(others[-1]), "other_code": True} if others else None

    def _others(self, task: Task) -> Iterator[Path]:
        return self.folder.glob(f"{task.stem}-{'[0-9a-f]' * 12}.json")


def _json(path: Path) -> Result:
    found: Result = json.loads(path.read_text(encoding="utf-8"))
    return found
