"""Mixture weights that are decided: numbers in the place of what the relaxation says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

Fixed = tuple[float | None, ...]
"""One entry per weight of a label: the number that it is, or None where it stays the relaxation's."""


class Gates:
    """Label -> weights that are fixed; the others pass. Without any, nothing is computed.

    Fixed weights are constants: no gradient reaches the architecture parameters behind them.
    """

    def __init__(self) -> None:
        self._fixed: dict[str, Fixed] = {}
        self._made: dict[tuple[Fixed, torch.dtype, torch.device], tuple[Tensor, Tensor]] = {}
        self.changes = 0
        """How often :meth:`fix` was called, so that a recorded step is known to be outdated."""

    def __getitem__(self, label: str) -> Fixed:
        """What is fixed of a label, which must be known here (``label in gates``)."""
        return self._fixed[label]

    def __contains__(self, label: object) -> bool:
        return label in self._fixed

    def fix(self, rows: Mapping[str, Fixed]) -> None:
        """From now on, beside what is fixed already."""
        self._fixed.update(rows)
        self._made.clear()
        self.changes += 1

    @contextmanager
    def trying(self, rows: Mapping[str, Fixed]) -> Iterator[None]:
        """Forwards inside see ``rows`` fixed as well."""
        before = self._fixed
        self._fixed = {**before, **rows}
        try:
            yield
        finally:
            self._fixed = before

    def __call__(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of all labels, shape ``[candidates]`` each, as they pass the gates."""
        if not self._fixed:
            return weights
        return {label: self._gated(label, row) for label, row in weights.items()}

    def open(self, label: str) -> list[int] | None:
        """Candidates whose weight is not fixed at 0, and at least the first one; None for all of them."""
        fixed = self._fixed.get(label)
        if fixed is None:
            return None
        return [k for k, value in enumerate(fixed) if value != 0] or [0]

    def _gated(self, label: str, row: Tensor) -> Tensor:
        fixed = self._fixed.get(label)
        if fixed is None:
            return row
        values, stays = self._tensors(fixed, row)
        return torch.where(stays, row, values) if None in fixed else values

    def _tensors(self, fixed: Fixed, like: Tensor) -> tuple[Tensor, Tensor]:
        key = fixed, like.dtype, like.device
        if key not in self._made:
            values = torch.tensor([value or 0.0 for value in fixed], dtype=like.dtype, device=like.device)
            stays = torch.tensor([value is None for value in fixed], device=like.device)
            self._made[key] = values, stays
        return self._made[key]
