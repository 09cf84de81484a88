"""Where mixed modules read the weights of the current forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from nni_darts.supernet.gates import Gates

T = TypeVar("T")


class MixtureWeights:
    """Label -> weights, computed once per forward of the supernet and handed out by label.

    One place for all weights is what lets a relaxation share noise between cells or sample whole paths.

    Attributes
    ----------
    gates
        What is decided.
    repeats
        Whether forwards now are of the network of the forward before: what modules draw stays drawn.
    """

    def __init__(self) -> None:
        self._relax: Callable[[], dict[str, Tensor]] | None = None
        self.current: dict[str, Tensor] = {}
        self._frozen = False
        self._replacement: dict[str, Tensor] | None = None
        self.gates = Gates()
        self.repeats = False

    def connect(self, relax: Callable[[], dict[str, Tensor]]) -> None:
        """Name the relaxation that computes the weights."""
        self._relax = relax

    def refresh(self) -> None:
        """Compute the weights for the forward that begins."""
        if self._replacement is not None:
            self.current = self.gates(self._replacement)
            return
        if self._relax is None:
            raise RuntimeError("The supernet has no relaxation yet.")
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen):
            self.current = self.gates(self._relax())

    @contextmanager
    def held_fixed(self) -> Iterator[None]:
        """Forwards inside see the architecture as constants: no gradient is kept for it."""
        self._frozen = True
        try:
            yield
        finally:
            self._frozen = False

    @contextmanager
    def replaced(self, weights: dict[str, Tensor], keep_decisions: bool = False) -> Iterator[None]:
        """Forwards inside mix with ``weights``, one row per label, and ask no relaxation.

        What is decided gives way to them, or holds all the same where ``keep_decisions`` is set.
        """
        before = self._replacement, self.gates
        self._replacement = weights
        if not keep_decisions:
            self.gates = Gates()
        try:
            yield
        finally:
            self._replacement, self.gates = before

    @contextmanager
    def repeating(self, repeats: bool = True) -> Iterator[None]:
        """Forwards inside draw nothing that the forward before drew already, on a batch of the same size."""
        before, self.repeats = self.repeats, repeats
        try:
            yield
        finally:
            self.repeats = before

    def open(self, label: str, candidates: Sequence[T]) -> tuple[Sequence[T], Tensor]:
        """The candidates that a decision leaves, with their weights; the others have weight 0.

        Leaving them out changes no sum: their outputs are not computed, and their statistics stay.
        """
        left = self.gates.open(label)
        if left is None:
            return candidates, self.current[label]
        row = self.current[label]
        return [candidates[k] for k in left], torch.stack([row[k] for k in left])

    def __getitem__(self, label: str) -> Tensor:
        return self.current[label]
