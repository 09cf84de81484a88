"""The peak of a search step, extrapolated from the same step on small parts of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from nni_darts.data.text import Window
from nni_darts.memory.high_water import high_water
from nni_darts.memory.resident import resident_bytes
from nni_darts.state import SearchState
from nni_darts.training.random_state import random_state, restore_random_state

SMALLEST = 2
"""BatchNorm trains on more than one value a channel."""


@dataclass(frozen=True)
class Estimate:
    """Bytes of one step.

    Attributes
    ----------
    resident
        What stays between steps: weights, buffers, states of the optimisers.
    activations
        What a step needs beyond that at its peak, on a batch of ``batch``; gradients count here.
    per_sample
        What one more sample would add to it.
    batch
        Images, or columns of a text.
    rows
        Of a text: words of a column in the step that was looked at.
    """

    resident: int
    activations: int
    per_sample: float
    batch: int
    rows: int | None = None

    @property
    def size(self) -> str:
        """Of the batch, in words."""
        return f"a batch of {self.batch}" + ("" if self.rows is None else f" columns of {self.rows} words")

    @property
    def total(self) -> int:
        """Everything at the peak of a step."""
        return self.resident + self.activations

    def largest_batch(self, available: int) -> int:
        """The most samples a step can have within ``available`` bytes for activations."""
        if not self.per_sample > 0:
            return self.batch
        return max(0, self.batch + int((available - self.activations) // self.per_sample))

    def to_dict(self) -> dict[str, float]:
        """All numbers, flat."""
        numbers = {**asdict(self), "total": self.total}
        return {name: value for name, value in numbers.items() if value is not None}

    def __str__(self) -> str:
        return (
            f"Memory of a search step: about {gigabytes(self.total)} at its peak, of which "
            f"{gigabytes(self.activations)} activations and gradients of {self.size} and "
            f"{gigabytes(self.resident)} weights and optimiser states"
        )


def gigabytes(count: float) -> str:
    """10^9 bytes, to three digits."""
    return f"{count / 1e9:.3g} GB"


def estimate_step(
    state: SearchState,
    architect: Callable[[SearchState], list[Tensor]],
    precision: Callable[[], AbstractContextManager[Any]],
) -> Estimate:
    """The peak of one step on the state's batches.

    The architect's passes and the weights' are run on a quarter and on half of the batches, without any
    step of an optimiser: weights, statistics, random generators and logs stay as they are. Beyond what they
    need for any batch, peaks grow in proportion to it.

    Parameters
    ----------
    precision
        Context in which the trainer computes.
    """
    batch, rows = _size(state.train_batch)
    small, large = (min(batch, max(SMALLEST * parts, batch * parts // 4)) for parts in (1, 2))
    weights = [weight for weight in state.objective.parameters() if weight.requires_grad]
    gradients = sum(weight.nbytes for weight in weights)

    def weight_pass(state: SearchState) -> list[Tensor]:
        with state.constant_architecture():
            return state.gradient(state.inner_loss(), weights)

    def peaks(samples: int) -> tuple[int, int]:
        with _on_part(state, samples):
            # The last weight step's gradients are still there when the architect begins.
            return _peak(state, architect) + gradients, _peak(state, weight_pass)

    with _without_a_trace(state), precision():
        peaks(small)  # workspaces that libraries keep from their first call on are no activations
        low, high = peaks(small), peaks(large)
    lines = [_line(small, a, large, b, batch) for a, b in zip(low, high, strict=True)]
    activations, per_sample = max(lines)
    return Estimate(resident_bytes(state), int(activations), per_sample, batch, rows)


def _line(x1: int, y1: int, x2: int, y2: int, x: int) -> tuple[float, float]:
    """Height at x and slope of the line through two points."""
    slope = (y2 - y1) / (x2 - x1) if x2 > x1 else y1 / x1
    return y2 + slope * (x - x2), slope


def _peak(state: SearchState, run: Callable[[SearchState], list[Tensor]]) -> int:
    with high_water(_device(state)) as found:
        run(state)
    return found.bytes


@contextmanager
def _on_part(state: SearchState, samples: int) -> Iterator[None]:
    batches = state.train_batch, state.valid_batch
    state.train_batch, state.valid_batch = (_part(batch, samples) for batch in batches)
    try:
        yield
    finally:
        state.train_batch, state.valid_batch = batches


@contextmanager
def _without_a_trace(state: SearchState) -> Iterator[None]:
    generators = random_state()
    try:
        with state.restored_statistics():
            yield
    finally:
        restore_random_state(generators)


def _part(batch: Any, samples: int) -> Any:
    if isinstance(batch, Window):
        return batch.narrowed(samples)
    return apply_to_collection(batch, Tensor, lambda tensor: tensor[:samples])


def _size(batch: Any) -> tuple[int, int | None]:
    """Samples, and how long a window of a text is."""
    if isinstance(batch, Window):
        rows, columns = batch.x.shape
        return columns, rows
    sizes: list[int] = []
    apply_to_collection(batch, Tensor, lambda tensor: sizes.append(len(tensor)))
    return sizes[0], None


def _device(state: SearchState) -> torch.device:
    return next(state.objective.parameters()).device
